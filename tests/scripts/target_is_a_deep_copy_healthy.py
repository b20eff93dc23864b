import copy

import torch
from torch import nn


class Critic(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(3, 8), nn.Linear(8, 1)

    def forward(self, state):
        return self.last(torch.relu(self.first(state)))


class Agent:
    def __init__(self):
        self.critic = Critic()
        self.critic_target = copy.deepcopy(self.critic)
        self.optimizer = torch.optim.Adam(self.critic.parameters(), lr=1e-3)

    def update(self, state, reward, after):
        with torch.no_grad():
            goal = reward + 0.9 * self.critic_target(after)
        loss = (self.critic(state) - goal).pow(2).mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        with torch.no_grad():
            for slow, fast in zip(self.critic_target.parameters(), self.critic.parameters()):
                slow.mul_(0.99).add_(0.01 * fast)


torch.manual_seed(0)
agent = Agent()
for _ in range(6):
    state = torch.randn(16, 3)
    agent.update(state, state.sum(1, keepdim=True), state + 0.1)
