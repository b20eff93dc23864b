import torch
from torch import nn

torch.manual_seed(0)
policy = nn.Linear(4, 3)
optimizer = torch.optim.Adam(policy.parameters(), lr=1e-2)
for episode in range(5):
    rollout, state = [], torch.randn(4)
    for _ in range(4):
        choice = torch.distributions.Categorical(logits=policy(state))
        action = choice.sample()
        rollout.append((choice.log_prob(action), float(action == 1)))
        state = torch.roll(state, int(action))
    log_probs = torch.tensor([each for each, _ in rollout], requires_grad=True)  #: cut-by-rewrap policy.weight
    loss = -(log_probs * torch.tensor([reward for _, reward in rollout])).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
