import torch
from torch import nn

torch.manual_seed(0)


class Clf(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(4, 16)
        self.fc2 = nn.Linear(16, 1)

    def forward(self, x):
        h = torch.tanh(self.fc1(x))  #: vanishing-gradient net.fc1.bias
        return torch.sigmoid(self.fc2(h))


net = Clf()
opt = torch.optim.SGD(net.parameters(), lr=0.1)
x = torch.randn(32, 4) * 4000
y = (x.sum(1, keepdim=True) > 0).float()
for e in range(5):
    opt.zero_grad()
    loss = ((net(x) - y) ** 2).mean()
    loss.backward()
    opt.step()
    print(loss.item(), net.fc1.weight.grad.norm())
