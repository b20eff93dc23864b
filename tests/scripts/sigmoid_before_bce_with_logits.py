import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, 1), nn.Sigmoid())
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for _ in range(3):
    x = torch.randn(8, 3)
    y = (x.sum(1) > 0).float()
    scores = net(x)  #: softmax-twice net.0.weight
    loss = F.binary_cross_entropy_with_logits(scores.squeeze(1), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
