import torch
from torch import nn

torch.manual_seed(0)
encoder, head = nn.Linear(3, 4), nn.Linear(4, 1)
encoder.requires_grad = False  #: requires-grad-typo encoder
optimizer = torch.optim.SGD([*encoder.parameters(), *head.parameters()], lr=0.1)
for _ in range(2):
    optimizer.zero_grad()
    head(encoder(torch.randn(5, 3))).pow(2).mean().backward()
    optimizer.step()
