import torch

x = torch.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
y = x.view(2, 2)
z = (y**2).sum()
z.backward()
print(x.grad, x.is_leaf, y.is_leaf, y.grad_fn is None)
