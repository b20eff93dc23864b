import torch

x = torch.tensor([1.0, 2.0], requires_grad=True)
y = x * 3


def bad(grad):
    print("before")
    return grad @ torch.ones(3, 3)


y.register_hook(bad)
y.sum().backward()
