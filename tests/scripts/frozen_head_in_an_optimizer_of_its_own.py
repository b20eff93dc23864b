import torch
from torch import nn


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(2, 4)
        self.head = nn.Linear(4, 1)

    def forward(self, x):
        return self.head(torch.relu(self.body(x)))


def freeze(module):
    for p in module.parameters():
        p.requires_grad = False


torch.manual_seed(0)
model = Model()
freeze(model.head)
slow = torch.optim.SGD(model.body.parameters(), lr=0.01)
fast = torch.optim.SGD(model.head.parameters(), lr=0.1)  #: frozen-in-optimizer model.head.weight
for _ in range(9):
    slow.zero_grad()
    fast.zero_grad()
    model(torch.ones(3, 2)).pow(2).mean().backward()
    slow.step()
    fast.step()
