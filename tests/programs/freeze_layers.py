import torch
import torch.nn as nn
net = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
for param in net[0].parameters():
    param.requires_grad = False
trainable = [p for p in net.parameters() if p.requires_grad]
opt = torch.optim.SGD(filter(lambda p: p.requires_grad, net.parameters()), lr=0.1, momentum=0.9)
before = net[0].weight.clone()
net(torch.ones(1, 4)).sum().backward()
opt.step()
print(len(trainable), net[0].weight.grad, torch.equal(before, net[0].weight))
for name, p in net.named_parameters():
    print(name, tuple(p.shape), p.requires_grad, 'no grad' if p.grad is None else 'grad')
print(sum(p.numel() for p in net.parameters() if p.requires_grad))
