import torch
import torch.nn as nn

layer = nn.Linear(2, 1)
with torch.no_grad():
    layer.weight.fill_(2.0)
    layer.bias.zero_()
y = layer(torch.tensor([[1.0, 3.0]]))
y.backward()
print(y.item(), layer.weight.grad, layer.bias.grad)
layer.zero_grad()
print(layer.weight.grad)
for p in layer.parameters():
    p.requires_grad = False
print(layer(torch.ones(1, 2)).requires_grad)
layer.weight = nn.Parameter(torch.ones(1, 2))
print(layer(torch.ones(1, 2)).item())
nn.init.constant_(layer.weight, 3.0)
print(layer.weight)
torch.nn.utils.clip_grad_norm_(layer.parameters(), 1.0)
