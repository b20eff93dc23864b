import torch
from torch import nn


class Scaled(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x):
        return self.layer(x) * self.scale


class Wrapper:
    def __init__(self, net, optimizer):
        self.net = net
        self.optimizer = optimizer

    def prepare(self):
        self.net[0] = Scaled(self.net[0])
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=0.05)  #: optimizer-never-steps net.0.scale
        return self.net


torch.manual_seed(0)
net = nn.Sequential(nn.Linear(3, 6), nn.ReLU(), nn.Linear(6, 1))
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
wrapper = Wrapper(net, optimizer)
net = wrapper.prepare()
for _ in range(9):
    x = torch.randn(8, 3)
    loss = (net(x) - x.sum(1, keepdim=True)).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
