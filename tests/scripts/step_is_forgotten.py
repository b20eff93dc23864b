import torch
from torch import nn

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
for epoch in range(6):
    for _ in range(2):
        x = torch.randn(16, 2)
        optimizer.zero_grad()
        loss = (net(x) - x.prod(1, keepdim=True)).pow(2).mean()
        loss.backward()  #: optimizer-never-steps net.0.weight
    print(f"{epoch} {loss.item():.4f}")
