import torch
from torch import nn

torch.manual_seed(0)
net = nn.Linear(2, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
x, y = torch.tensor([[1.0, 2.0], [3.0, 1.0]]), torch.tensor([[0.0], [5.0]])
for _ in range(2):
    optimizer.zero_grad()
    loss = ((net(x) - y) / y).abs().mean()  #: nan-zero-times-nan net.weight
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimizer.step()
