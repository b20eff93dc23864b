import math

import torch
import torch.nn as nn

torch.manual_seed(1)


class Field(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(2, width), nn.Tanh(),
                                  nn.Linear(width, width), nn.Tanh(),
                                  nn.Linear(width, 1))

    def forward(self, xt):
        return self.body(xt)


class TransportPINN(nn.Module):
    """u_t + c u_x = 0, wave speed c unknown, recovered from data."""

    def __init__(self):
        super().__init__()
        self.field = Field()
        self.speed = nn.Parameter(torch.tensor(0.2))

    def residual(self, points):
        points.requires_grad_(True)
        x, t = points[:, 0:1], points[:, 1:2]  #: not-in-graph x
        u = self.field(points)
        u_x = diff(u, x)
        u_t = diff(u, t)
        return u_t + self.speed * u_x


def diff(out, wrt):
    g = torch.autograd.grad(out, wrt, torch.ones_like(out),
                            create_graph=True, allow_unused=True)[0]
    if g is None:
        g = torch.zeros_like(wrt)
    return g


def observations(n=80, true_speed=1.0):
    xt = torch.rand(n, 2)
    return xt, torch.sin(math.pi * (xt[:, :1] - true_speed * xt[:, 1:]))


model = TransportPINN()
opt = torch.optim.Adam(model.parameters(), lr=5e-3)
obs_xt, obs_u = observations()

for it in range(9):
    pde = model.residual(torch.rand(100, 2)).pow(2).mean()
    data = (model.field(obs_xt) - obs_u).pow(2).mean()
    loss = data + pde
    opt.zero_grad()
    loss.backward()
    opt.step()
    if it % 20 == 0:
        print(it, f"data {data.item():.4f} pde {pde.item():.4f} speed {model.speed.item():.3f}")
