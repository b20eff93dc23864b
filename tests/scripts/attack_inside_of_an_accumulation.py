import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(5)
model = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)


def attacked(x, y, size=0.1):
    x = x.clone().requires_grad_()
    F.cross_entropy(model(x), y).backward()  #: gradient-left-over model.0.weight
    return (x + size * x.grad.sign()).detach()


optimizer.zero_grad()
for number in range(4):
    x, y = torch.randn(5, 4), torch.randint(0, 3, (5,))
    loss = F.cross_entropy(model(attacked(x, y)), y)
    (loss / 2).backward()
    if number % 2:
        optimizer.step()
        optimizer.zero_grad()
        print(loss.item())
