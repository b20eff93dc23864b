import torch
from torch.autograd.functional import hessian, jacobian
from torch.func import grad, jacrev, vjp, vmap

x = torch.tensor([0.5, 1.0, 2.0])
w = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)


def f(t):
    return t.sin() * w


def energy(t):
    return (f(t) ** 2).sum()


print(jacobian(f, x))
print(hessian(energy, x))
print(jacobian(lambda a, b: a * b, (x, w), create_graph=True)[0])
print(grad(energy)(x))
print(vmap(grad(lambda t: t**3))(x))
print(jacrev(f)(x))
out, pull = vjp(f, x)
print(out, pull(torch.ones(3))[0])
print(vmap(torch.dot)(torch.ones(2, 3), torch.ones(2, 3) * 2))
penalty = vmap(grad(lambda t, v: t**2 * v))(x, w).sum()
penalty.backward()
print(w.grad)
