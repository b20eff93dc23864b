import torch
from torch import nn
torch.manual_seed(0)
net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
x0 = torch.randn(3)
def f(x):
    return net(x0)  #: not-in-graph x0
J = torch.autograd.functional.jacobian(f, x0)
print(J)
