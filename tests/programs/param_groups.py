import torch
from torch import nn

torch.manual_seed(0)
a = nn.Parameter(torch.randn(2))
b = nn.Parameter(torch.randn(2))
opt = torch.optim.AdamW([{"params": [a], "lr": 0.1}, {"params": [b]}], lr=0.01, weight_decay=0.1)
for _ in range(3):
    opt.zero_grad()
    (a * b).sum().backward()
    opt.step()
print(a, b)
