import torch
from torch import nn

torch.manual_seed(0)
net = nn.Linear(3, 2)
x = torch.randn(4, 3)
for step in range(8):
    x.requires_grad = True
    loss = net(x).pow(2).sum()
    net.zero_grad()
    loss.backward()
    x = (x + 0.05 * x.grad.sign()).detach()
print(x.norm())
