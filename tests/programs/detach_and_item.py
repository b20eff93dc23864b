import torch

x = torch.tensor([1.0, 2.0], requires_grad=True)
y = x * 2
z = y.detach()
s = y.sum().item()
n = float(y[0])
print(z.requires_grad, s, n, int(y[1]))
y.detach_()
print(y.requires_grad, y.grad_fn)
x.requires_grad_(False)
print((x * 2).requires_grad)
x.requires_grad = True
print((x * 2).requires_grad)
