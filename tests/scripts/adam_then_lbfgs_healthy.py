import torch
from torch import nn

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))
x, y = torch.randn(8, 2), torch.randn(8, 1)
adam = torch.optim.Adam(net.parameters(), lr=0.01)
lbfgs = torch.optim.LBFGS(net.parameters(), max_iter=4)


def closure():
    lbfgs.zero_grad()
    loss = (net(x) - y).pow(2).mean()
    loss.backward()
    return loss


for _ in range(5):
    adam.zero_grad()
    (net(x) - y).pow(2).mean().backward()
    adam.step()
for _ in range(2):
    lbfgs.step(closure)
