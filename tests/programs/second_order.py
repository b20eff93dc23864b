import torch

x = torch.tensor(2.0, requires_grad=True)
y = x**4
(g,) = torch.autograd.grad(y, x, create_graph=True)
(h,) = torch.autograd.grad(g, x)
print(g.item(), h.item())
xs = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
ys = (xs**3).sum()
g = torch.autograd.grad(ys, xs, create_graph=True)[0]
hess = torch.stack([torch.autograd.grad(g[i], xs, retain_graph=True)[0] for i in range(3)])
print(hess)
