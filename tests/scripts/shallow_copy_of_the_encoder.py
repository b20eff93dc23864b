from copy import copy

import torch
from torch import nn


class Twins(nn.Module):
    def __init__(self, encoder):
        super().__init__()
        self.online = encoder
        self.guess = nn.Linear(4, 4)
        self.target = copy(encoder)  #: frozen-in-optimizer twins.online.0.weight
        for p in self.target.parameters():
            p.requires_grad = False

    def forward(self, a, b):
        with torch.no_grad():
            wanted = self.target(b)
        return (self.guess(self.online(a)) - wanted).pow(2).mean()


torch.manual_seed(0)
twins = Twins(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 4)))
optimizer = torch.optim.Adam([*twins.online.parameters(), *twins.guess.parameters()], lr=0.01)
for _ in range(6):
    x = torch.randn(5, 3)
    optimizer.zero_grad()
    twins(x + 0.1 * torch.randn(5, 3), x).backward()
    optimizer.step()
