import torch
from torch import nn

torch.manual_seed(0)
net = nn.Linear(3, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
fisher = {name: torch.zeros_like(each) for name, each in net.named_parameters()}
for _ in range(6):
    x = torch.randn(8, 3)
    optimizer.zero_grad()
    net(x).pow(2).mean().backward()
    for name, each in net.named_parameters():
        fisher[name] += each.grad.detach() ** 2 / 6
print({name: round(each.sum().item(), 3) for name, each in fisher.items()})
