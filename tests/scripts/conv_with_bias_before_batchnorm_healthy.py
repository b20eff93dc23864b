import torch
from torch import nn

torch.manual_seed(0)
net = nn.Sequential(
    *(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU()),
    *(nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 2)),
)
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
images, labels = torch.randn(8, 1, 8, 8), torch.randint(0, 2, (8,))
for _ in range(4):
    optimizer.zero_grad()
    nn.functional.cross_entropy(net(images), labels).backward()
    optimizer.step()
