import torch
from torch import nn


class ScaleGradient(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        return x.clone()

    def backward(self, grad):  #: backward-never-called net.body.weight
        return self.factor * grad


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(3, 6)
        self.slow = ScaleGradient(0.1)
        self.head = nn.Linear(6, 1)

    def forward(self, x):
        return self.head(self.slow(torch.relu(self.body(x))))


torch.manual_seed(0)
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for _ in range(8):
    x = torch.randn(16, 3)
    loss = (net(x) - x.sum(1, keepdim=True)).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
