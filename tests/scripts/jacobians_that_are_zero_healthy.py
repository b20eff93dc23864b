import torch
from torch.autograd.functional import hessian, vjp, jacobian
x = torch.randn(3); y = torch.randn(3)
print(hessian(lambda a: (a * 2).sum(), x))
print(jacobian(lambda a: a.round(), x))
print(jacobian(lambda a, b: a * 1.0, (x, y)))
