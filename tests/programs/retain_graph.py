import torch

x = torch.tensor(3.0, requires_grad=True)
y = x**2
z = y * 2
y.retain_grad()
z.backward(retain_graph=True)
print(x.grad, y.grad)
z.backward()
print(x.grad)
