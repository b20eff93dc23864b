import torch
from torch import nn


class Cell(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.inp = nn.Linear(size, size).double()
        self.mix = nn.Parameter(torch.eye(size)).double()  #: hidden-leaf net.cell.mix

    def forward(self, x, h):
        return torch.tanh(self.inp(x) + h @ self.mix)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = Cell(3)

    def forward(self, x):
        h = torch.zeros_like(x[0])
        for each in x:
            h = self.cell(each, h)
        return h


torch.manual_seed(0)
net = Net()
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for _ in range(6):
    optimizer.zero_grad()
    net(torch.randn(4, 2, 3, dtype=torch.float64)).pow(2).sum().backward()
    optimizer.step()
