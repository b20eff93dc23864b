import torch
from torch import nn


def flat(parameters):
    return torch.cat([p.grad.flatten() for p in parameters])


torch.manual_seed(2)
net = nn.Linear(4, 2)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for step in range(4):
    x = torch.randn(6, 4)
    out = net(x)
    losses = [(out[:, 0] - x[:, 0]).pow(2).mean(), (out[:, 1] + x[:, 1]).pow(2).mean()]
    gradients = []
    for loss in losses:
        optimizer.zero_grad()
        loss.backward(retain_graph=True)
        gradients.append(flat(net.parameters()))
    one, other = gradients
    optimizer.zero_grad()
    sum(losses).backward()
    if torch.dot(one, other) < 0:
        nn.utils.clip_grad_norm_(net.parameters(), 0.1)
    optimizer.step()
    print(step, torch.dot(one, other).item())
