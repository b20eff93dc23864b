import torch
from torch import nn


class Watch:
    def __init__(self, model):
        self.first = {}
        for name, p in model.named_parameters():
            p.register_hook(lambda g, n=name: self.first.setdefault(n, g.clone()))  #: changed-by-hook model.0.weight


torch.manual_seed(1)
model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
watch = Watch(model)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(8):
    x = torch.randn(6, 3)
    optimizer.zero_grad()
    (model(x) - x.prod(1, keepdim=True)).pow(2).mean().backward()
    optimizer.step()
