import torch
from torch import nn
torch.manual_seed(0)
critic = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
real, fake = torch.randn(5, 2), torch.randn(5, 2)
alpha = torch.rand(5, 1).expand_as(real)
interpolates = (alpha * real + (1 - alpha) * fake).requires_grad_(True)
d_interpolates = critic(interpolates)
gradients = torch.autograd.grad(
    outputs=d_interpolates, inputs=interpolates,
    grad_outputs=torch.ones_like(d_interpolates),
    create_graph=True, retain_graph=True, only_inputs=True)[0]
gp = ((gradients.norm(2, dim=1) - 1) ** 2).mean() * 10
gp.backward()
print(gp, [p.grad is None for p in critic.parameters()])
