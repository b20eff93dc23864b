import torch
from torch import nn
from torch.nn import functional as F


def build():
    return nn.Sequential(nn.Linear(1, 6), nn.Tanh(), nn.Linear(6, 1))


torch.manual_seed(1)
meta = build()
meta_optimizer = torch.optim.Adam(meta.parameters(), lr=0.01)
for epoch in range(2):
    x = torch.rand(4, 1)
    y = torch.sin(x + torch.rand(1))
    learner = build()
    learner.load_state_dict(meta.state_dict())  #: not-in-graph meta.0.weight
    inner = torch.optim.SGD(learner.parameters(), lr=0.1)
    F.mse_loss(learner(x[:2]), y[:2]).backward()
    inner.step()
    meta_optimizer.zero_grad()
    F.mse_loss(learner(x[2:]), y[2:]).backward()
    meta_optimizer.step()
