import torch
from torch import nn
from torch.distributions import Normal


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.mean = nn.Linear(3, 1)
        self.log_std = nn.Parameter(torch.zeros(1))

    def forward(self, state):
        return Normal(self.mean(state), self.log_std.exp())


torch.manual_seed(0)
policy = Policy()
optimizer = torch.optim.Adam(policy.parameters(), lr=0.01)
for _ in range(4):
    state = torch.randn(8, 3)
    drawn = policy(state)
    action = drawn.rsample()  #: gradient-cancels policy.mean.weight
    reward = -(action.detach() - state.sum(1, keepdim=True)).pow(2)
    loss = -(drawn.log_prob(action) * (reward - reward.mean())).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
