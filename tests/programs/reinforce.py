import torch
from torch.distributions import Categorical

torch.manual_seed(543)
theta = torch.zeros(3, requires_grad=True)
opt = torch.optim.SGD([theta], lr=0.5)
true_reward = {0: 0.1, 1: 1.0, 2: -0.5}
eps = 1e-8
for episode in range(6):
    log_probs, rewards = [], []
    for t in range(4):
        m = Categorical(logits=theta)
        action = m.sample()
        log_probs.append(m.log_prob(action))
        rewards.append(true_reward[action.item()])
    R = 0
    returns = []
    for r in rewards[::-1]:
        R = r + 0.9 * R
        returns.insert(0, R)
    returns = torch.tensor(returns)
    returns = (returns - returns.mean()) / (returns.std() + eps)
    policy_loss = []
    for log_prob, R in zip(log_probs, returns):
        policy_loss.append(-log_prob * R)
    opt.zero_grad()
    loss = torch.stack(policy_loss).sum()
    loss.backward()
    opt.step()
print(theta.detach(), theta.softmax(-1).argmax().item())
