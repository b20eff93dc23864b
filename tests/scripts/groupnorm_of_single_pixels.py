import torch
from torch import nn

torch.manual_seed(0)


def norm(channels):
    return nn.GroupNorm(min(16, channels), channels)  #: zero-grad-constant net.0.conv.weight


class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, 8, 3, stride=2, padding=1)
        self.norm = norm(8)

    def forward(self, x):
        return torch.relu(self.norm(self.conv(x)))


net = nn.Sequential(Block(1), Block(8), Block(8), nn.Flatten(), nn.Linear(8, 2))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
images, labels = torch.randn(8, 1, 8, 8), torch.randint(0, 2, (8,))
for _ in range(9):
    optimizer.zero_grad()
    nn.functional.cross_entropy(net(images), labels).backward()
    optimizer.step()
