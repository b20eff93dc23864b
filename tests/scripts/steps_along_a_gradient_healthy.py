import torch
from torch import nn

torch.manual_seed(0)
actor = nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, 2))
critic = nn.Sequential(nn.Linear(5, 6), nn.Tanh(), nn.Linear(6, 1))
optimizer = torch.optim.Adam(actor.parameters(), lr=0.01)
for _ in range(4):
    state = torch.randn(5, 3)
    action = actor(state)
    probe = action.detach().requires_grad_()
    (uphill,) = torch.autograd.grad(critic(torch.cat([state, probe], 1)).sum(), probe)
    loss = -(uphill * action).sum(1).mean()  # the chain rule by hand
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
