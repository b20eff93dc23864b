import torch
from torch import nn

torch.manual_seed(0)
body, norm = nn.Linear(6, 6), nn.LayerNorm(6)
optimizer = torch.optim.SGD(body.parameters(), lr=0.01)
for scale in (1.0, 3.0):
    out = norm(body(torch.rand(4, 6)))  #: zero-grad-constant body.weight
    optimizer.zero_grad()
    (scale * out).sum().backward()
    optimizer.step()
