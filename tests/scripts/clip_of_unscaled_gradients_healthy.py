import torch
from torch import nn

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))
critic = nn.Linear(3, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
critic_optimizer = torch.optim.SGD(critic.parameters(), lr=0.1)
scaler = torch.amp.GradScaler("cpu")
for step in range(4):
    x = torch.randn(8, 3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = (net(x) - x.sum(1, keepdim=True)).pow(2).mean()
    scaler.scale(loss / 2).backward()
    judged = (critic(x) - net(x).detach()).pow(2).mean()
    if step % 2:
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(net.parameters(), max_norm=1.0)
        judged.backward()
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
        critic_optimizer.step()
        critic_optimizer.zero_grad()
