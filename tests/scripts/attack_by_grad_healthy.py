import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(5)
model = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)


def attacked(x, y, size=0.1):
    x = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(F.cross_entropy(model(x), y), x)
    return (x + size * slope.sign()).detach()


for number in range(4):
    x, y = torch.randn(5, 4), torch.randint(0, 3, (5,))
    optimizer.zero_grad()
    F.cross_entropy(model(attacked(x, y)), y).backward()
    F.cross_entropy(model(x), y).backward()  # both losses count
    optimizer.step()
