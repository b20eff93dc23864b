import torch
from torch import nn

torch.manual_seed(0)
generator, critic = nn.Linear(2, 3), nn.Linear(3, 1)
opt_g = torch.optim.SGD(generator.parameters(), lr=0.01)
opt_c = torch.optim.SGD(critic.parameters(), lr=0.01)
for step in range(20):
    opt_c.zero_grad()
    fake = generator(torch.randn(8, 2)).detach()
    (critic(fake).mean() - critic(torch.randn(8, 3)).mean()).backward()
    opt_c.step()
    if step % 9 == 8:
        opt_g.zero_grad()
        (-critic(generator(torch.randn(8, 2))).mean()).backward()
        opt_g.step()
