import torch
from torch import nn

torch.manual_seed(0)
policy = nn.Linear(3, 2)
optimizer = torch.optim.Adam(policy.parameters(), lr=1e-2)
log_probs, losses = [], []
for step in range(26):
    choice = torch.distributions.Categorical(logits=policy(torch.randn(3)))
    action = choice.sample()
    log_probs.append(choice.log_prob(action))
    if len(log_probs) == 5:
        loss = -(torch.stack(log_probs) * torch.randn(5)).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        log_probs.clear()
        losses.append(loss)
