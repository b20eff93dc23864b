import torch
from torch import nn


class Layer(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.message = nn.Linear(size, size)
        self.own = nn.Linear(size, size)

    def forward(self, x, source, target):
        out = self.own(x)
        out[target] += self.message(x[source])  #: repeated-index net.message.weight
        return torch.tanh(out)


torch.manual_seed(0)
net = Layer(3)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
source, target = torch.randint(0, 5, (2, 12))
for _ in range(3):
    optimizer.zero_grad()
    net(torch.randn(5, 3), source, target).pow(2).sum().backward()
    optimizer.step()
