import torch

x = torch.tensor([1.0], requires_grad=True)
w = torch.tensor([2.0])
y = x * w
y.backward()
print(x.grad, w.grad)
