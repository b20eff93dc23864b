import torch
x = torch.ones(1, requires_grad=True)
z = torch.ones(1, requires_grad=True)
y = x * 2
print(torch.autograd.grad(y, z, allow_unused=True))
y = x * 2
torch.autograd.grad(y, z)
