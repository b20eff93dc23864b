import torch
from torch import nn

torch.manual_seed(3)
data = [(x, x.mean(1, keepdim=True)) for x in torch.randn(4, 8, 5)]
net = nn.Linear(5, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for epoch in range(3):
    for x, y in data:
        net.zero_grad()  #: gradient-thrown-away net.weight
        loss = (net(x) - y).pow(2).mean()
        loss.backward()
    optimizer.step()
    print(epoch, loss.item())
