import torch
from torch import nn

torch.manual_seed(0)


def init(module):
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.02)
        nn.init.zeros_(module.bias)


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.lin = nn.Linear(width, width)

    def forward(self, x):
        return torch.tanh(self.lin(x))  #: vanishing-gradient net.0.bias


net = nn.Sequential(nn.Linear(4, 32), *[Block(32) for _ in range(8)], nn.Linear(32, 1))
net.apply(init)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
inputs, targets = torch.randn(16, 4), torch.randn(16, 1)
for epoch in range(12):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(net(inputs), targets)
    loss.backward()
    optimizer.step()
