import torch
from torch import nn


class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(3, 3)
        self.scale = nn.Parameter(torch.tensor(0.1)) * 2.0  #: graph-freed self.scale

    def forward(self, x):
        return x + self.scale.float() * self.body(x)


torch.manual_seed(0)
net = Scaled()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(2):
    optimizer.zero_grad()
    net(torch.randn(4, 3)).pow(2).mean().backward()
    optimizer.step()
