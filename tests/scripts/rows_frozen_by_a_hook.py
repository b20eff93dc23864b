import torch
from torch import nn


def freeze_rows(table, count):
    mask = torch.ones(table.num_embeddings, 1)
    mask[:count] = 0
    table.weight.register_hook(lambda g: g * mask)


torch.manual_seed(0)
model = nn.Sequential(nn.Embedding(12, 4), nn.Flatten(), nn.Linear(8, 1))
freeze_rows(model[0], 6)
optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.1)  #: frozen-moves model.0.weight
for _ in range(6):
    ids = torch.randint(0, 12, (5, 2))
    optimizer.zero_grad()
    (model(ids).squeeze(1) - ids.sum(1) / 10).pow(2).mean().backward()
    optimizer.step()
