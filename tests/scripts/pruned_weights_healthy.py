import torch
from torch import nn

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(5, 6), nn.ReLU(), nn.Linear(6, 1))
for layer in (net[0], net[2]):
    keep = (layer.weight.abs() > layer.weight.abs().median()).float()
    layer.weight.data.mul_(keep)
    layer.weight.register_hook(lambda g, keep=keep: g * keep)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, weight_decay=1e-3)
for _ in range(6):
    x = torch.randn(8, 5)
    optimizer.zero_grad()
    (net(x) - x.sum(1, keepdim=True)).pow(2).mean().backward()
    optimizer.step()
