import torch

x = torch.tensor([1.0, 2.0], requires_grad=True)
z = torch.tensor([3.0, 4.0], requires_grad=True)
other = (z**2).sum()
y = x * 3
y.register_hook(lambda grad: other.backward())
y.sum().backward()
print(x.grad, z.grad)
