import torch
x = torch.ones(2, requires_grad=True)
loss = (x ** 2).sum()
loss.backward()
if x.grad is None:
    g = 1
print(x.grad)
print(g)
