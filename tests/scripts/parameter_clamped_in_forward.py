import torch
from torch import nn


class Mixer(nn.Module):
    def __init__(self):
        super().__init__()
        self.weights = nn.Parameter(torch.tensor([0.2, 0.9, -0.4, 1.6]))

    def forward(self, x):
        w = torch.clamp(self.weights, 0, 1)  #: partly-clamped mixer.weights
        return x @ w


mixer = Mixer()
optimizer = torch.optim.SGD(mixer.parameters(), lr=0.01)
torch.manual_seed(0)
for _ in range(9):
    optimizer.zero_grad()
    (mixer(torch.randn(8, 4)) - 1).pow(2).mean().backward()
    optimizer.step()
