import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

torch.manual_seed(0)
net = nn.Linear(3, 1)
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
schedule = LambdaLR(optimizer, lambda epoch: epoch // 10)  #: step-changes-nothing net.weight
for epoch in range(2):
    for _ in range(4):
        x = torch.randn(5, 3)
        optimizer.zero_grad()
        (net(x) - x.sum(1, keepdim=True)).pow(2).mean().backward()
        optimizer.step()
    schedule.step()
