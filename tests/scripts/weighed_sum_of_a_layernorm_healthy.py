import torch
from torch import nn

torch.manual_seed(0)
body, norm, head = nn.Linear(6, 6), nn.LayerNorm(6), nn.Linear(6, 1)
optimizer = torch.optim.SGD([*body.parameters(), *norm.parameters(), *head.parameters()], lr=0.01)
for scale in (1.0, 3.0):
    out = head(norm(body(torch.rand(4, 6))))
    optimizer.zero_grad()
    (scale * out).sum().backward()
    optimizer.step()
