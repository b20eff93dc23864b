import torch
from torch import nn

torch.manual_seed(0)
encoder, neck, head = nn.Linear(3, 4), nn.Linear(4, 4), nn.Linear(4, 1)
encoder.requires_grad_(False)
for p in neck.parameters():
    p.requires_grad = False
head.bias.requires_grad = False
optimizer = torch.optim.SGD([p for p in head.parameters() if p.requires_grad], lr=0.1)
for _ in range(2):
    optimizer.zero_grad()
    head(neck(encoder(torch.randn(5, 3)))).pow(2).mean().backward()
    optimizer.step()
