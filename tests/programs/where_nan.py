import torch
x = torch.tensor([0., 1.], requires_grad=True)
y = torch.where(x > 0, x.sqrt(), torch.zeros_like(x)).sum()
y.backward()
print(x.grad)    # why nan???
x.grad.zero_()
safe = torch.where(x > 0, x, torch.ones_like(x))
torch.where(x > 0, safe.sqrt(), torch.zeros_like(x)).sum().backward()
print(x.grad, torch.isnan(x.grad).any())
