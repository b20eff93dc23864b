import torch
from torch import nn

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
image, label = torch.rand(1, 4), torch.tensor([1])
delta = torch.zeros(1, 4, requires_grad=True)
for _ in range(9):
    loss = -nn.functional.cross_entropy(net((image + delta).clamp(0, 1)), label)
    (grad,) = torch.autograd.grad(loss, delta)
    with torch.no_grad():
        delta -= 0.3 * grad.sign()
        delta.clamp_(-0.6, 0.6)
