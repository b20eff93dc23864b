import copy

import torch
from torch import nn

torch.manual_seed(0)


class Agent:
    def __init__(self):
        self.actor = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
        self.critic = nn.Linear(3, 1)
        self.target = copy.deepcopy(self.actor)
        self.target.requires_grad_(False)
        self.actor_optimizer = torch.optim.Adam(self.actor.parameters(), lr=0.01)
        self.critic_optimizer = torch.optim.Adam(self.critic.parameters(), lr=0.01)

    def update(self, state):
        with torch.no_grad():
            wanted = self.critic(torch.cat([state, self.target(state)], dim=1)) * 0.9
        critic_loss = (self.critic(torch.cat([state, self.actor(state).detach()], dim=1)) - wanted).pow(2).mean()
        self.critic_optimizer.zero_grad()
        critic_loss.backward()
        self.critic_optimizer.step()
        actor_loss = -self.critic(torch.cat([state, self.actor(state)], dim=1)).mean()
        self.actor_optimizer.zero_grad()
        actor_loss.backward()
        self.actor_optimizer.step()


agent = Agent()
for _ in range(12):
    agent.update(torch.randn(4, 2))
