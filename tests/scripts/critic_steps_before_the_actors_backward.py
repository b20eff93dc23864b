import torch
from torch import nn


class Agent:
    def __init__(self):
        self.actor = nn.Sequential(nn.Linear(3, 6), nn.ReLU(), nn.Linear(6, 2))
        self.critic = nn.Sequential(nn.Linear(5, 6), nn.ReLU(), nn.Linear(6, 1))
        self.actor_optimizer = torch.optim.Adam(self.actor.parameters(), lr=0.01)
        self.critic_optimizer = torch.optim.Adam(self.critic.parameters(), lr=0.01)

    def value(self, state, action):
        return self.critic(torch.cat([state, action], dim=1))

    def update(self, state, action, reward):
        critic_loss = (self.value(state, action) - reward).pow(2).mean()
        actor_loss = -self.value(state, self.actor(state)).mean()
        self.critic_optimizer.zero_grad()
        critic_loss.backward()
        self.critic_optimizer.step()  #: saved-tensor-modified agent.actor.0.weight
        self.actor_optimizer.zero_grad()
        actor_loss.backward()
        self.actor_optimizer.step()


def main():
    torch.manual_seed(0)
    agent = Agent()
    for _ in range(3):
        agent.update(torch.randn(4, 3), torch.randn(4, 2), torch.randn(4, 1))


main()
