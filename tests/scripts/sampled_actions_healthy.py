import torch
from torch import nn
from torch.distributions import Normal

torch.manual_seed(0)
mean = nn.Linear(3, 1)
log_std = nn.Parameter(torch.zeros(1))
optimizer = torch.optim.Adam([*mean.parameters(), log_std], lr=0.01)
for _ in range(4):
    state = torch.randn(8, 3)
    drawn = Normal(mean(state), log_std.exp())
    action = drawn.rsample()
    value = (action - state.sum(1, keepdim=True)).pow(2).mean()  # the way through the sample
    entropy = -drawn.log_prob(action).mean()
    optimizer.zero_grad()
    (value - 0.01 * entropy).backward()
    optimizer.step()
