import torch
from torch import nn

torch.manual_seed(0)
generator, critic = nn.Linear(2, 2), nn.Linear(2, 1)
opt_g = torch.optim.Adam(generator.parameters(), lr=1e-3)
opt_c = torch.optim.Adam(critic.parameters(), lr=1e-3)
for _ in range(30):
    for _ in range(3):
        with torch.no_grad():
            fake = generator(torch.randn(8, 2))
        opt_c.zero_grad()
        (critic(fake).mean() - critic(torch.randn(8, 2)).pow(2).mean()).backward()
        opt_c.step()
    critic.requires_grad_(False)
    opt_g.zero_grad()
    (-critic(generator(torch.randn(8, 2))).mean()).backward()
    opt_g.step()
    critic.requires_grad_(True)
