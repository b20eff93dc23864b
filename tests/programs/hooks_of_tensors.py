import torch

x = torch.tensor([1.0, 2.0], requires_grad=True)
w = torch.tensor([3.0, -1.0], requires_grad=True)
h = x * w
seen = []


def look(grad):
    seen.append(grad.norm())


def half(grad):
    return grad / 2


h.register_hook(look)
handle = h.register_hook(half)
w.register_hook(lambda grad: grad.clamp(-1, 1))
(h**2).sum().backward()
print(seen[0], x.grad, w.grad)
handle.remove()
x.grad, w.grad = None, None
h = x * w
(h**2).sum().backward()
print(len(seen), x.grad, w.grad)


def step(p):
    p.data -= 0.1 * p.grad
    p.grad = None


x.register_post_accumulate_grad_hook(step)
(x.exp() * w.detach()).sum().backward()
print(x, x.grad)
