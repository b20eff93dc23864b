import torch
from torch import nn


class Trainer:
    def __init__(self):
        self.net = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))
        self.slow = torch.optim.SGD(self.net.parameters(), lr=0.01)
        self.fast = torch.optim.SGD(self.net[2].parameters(), lr=0.1)  #: two-optimizers trainer.net.2.weight

    def step(self, x):
        for optimizer in (self.slow, self.fast):
            optimizer.zero_grad()
        self.net(x).pow(2).mean().backward()
        for optimizer in (self.slow, self.fast):
            optimizer.step()


torch.manual_seed(0)
trainer = Trainer()
for _ in range(10):
    trainer.step(torch.randn(4, 2))
