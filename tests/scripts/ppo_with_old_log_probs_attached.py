import torch
import torch.nn as nn
from torch.distributions import Categorical

torch.manual_seed(0)


class LineWorld:
    def __init__(self, size=7):
        self.size = size

    def reset(self):
        self.x, self.t = self.size // 2, 0
        return self.obs()

    def obs(self):
        return torch.eye(self.size)[self.x]

    def step(self, action):
        self.x = min(max(self.x + (1 if action == 1 else -1), 0), self.size - 1)
        self.t += 1
        hit = self.x == self.size - 1
        return self.obs(), 1.0 if hit else -0.05, hit or self.t >= 20


class ActorCritic(nn.Module):
    def __init__(self, n_obs=7, n_act=2):
        super().__init__()
        self.actor = nn.Sequential(nn.Linear(n_obs, 16), nn.Tanh(), nn.Linear(16, n_act))
        self.critic = nn.Sequential(nn.Linear(n_obs, 16), nn.Tanh(), nn.Linear(16, 1))

    def dist(self, obs):
        return Categorical(logits=self.actor(obs))


def rollout(env, agent, n_steps=16, gamma=0.95):
    obs_l, act_l, logp_l, rew_l, done_l = [], [], [], [], []
    obs = env.reset()
    for _ in range(n_steps):
        d = agent.dist(obs)
        a = d.sample()
        nxt, r, done = env.step(a.item())
        obs_l.append(obs), act_l.append(a), logp_l.append(d.log_prob(a))
        rew_l.append(r), done_l.append(done)
        obs = env.reset() if done else nxt
    ret, running = [], 0.0
    for r, done in zip(reversed(rew_l), reversed(done_l)):
        running = r + gamma * running * (not done)
        ret.insert(0, running)
    return torch.stack(obs_l), torch.stack(act_l), torch.stack(logp_l), torch.tensor(ret)


def ppo_loss(agent, obs, act, old_logp, ret, clip=0.2):
    value = agent.critic(obs).squeeze(-1)
    adv = (ret - value).detach()
    adv = (adv - adv.mean()) / (adv.std() + 1e-8)
    ratio = torch.exp(agent.dist(obs).log_prob(act) - old_logp)  #: gradient-cancels agent.actor.0.weight
    surrogate = torch.min(ratio * adv, ratio.clamp(1 - clip, 1 + clip) * adv)
    return -surrogate.mean() + 0.5 * (ret - value).pow(2).mean()


env, agent = LineWorld(), ActorCritic()
opt = torch.optim.Adam(agent.parameters(), lr=3e-3)
for it in range(3):
    batch = rollout(env, agent)
    loss = ppo_loss(agent, *batch)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if it % 5 == 0:
        print(it, f"loss {loss.item():.4f} mean return {batch[3].mean().item():.3f}")
