import torch
from torch import nn

torch.manual_seed(1)
model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
norms = {}
for name, p in model.named_parameters():
    p.register_hook(lambda g, n=name: norms.update({n: g.norm().item()}))
    p.register_hook(lambda g: g.clamp(-1, 1))
optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
for _ in range(8):
    x = torch.randn(6, 3)
    optimizer.zero_grad()
    (model(x) - x.prod(1, keepdim=True)).pow(2).mean().backward()
    optimizer.step()
print(sorted(norms))
