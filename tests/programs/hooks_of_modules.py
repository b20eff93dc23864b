import torch
from torch import nn

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
kept = {}


def keep(module, args, out):
    kept["hidden"] = out


def double(module, args):
    return (args[0] * 2,)


def scale(module, grad_input, grad_output):
    return (grad_input[0] * 0.5,)


first = net[1].register_forward_hook(keep)
net[2].register_forward_pre_hook(double)
net[0].register_full_backward_hook(scale)
net.register_forward_hook(lambda module, args, out: out + 1)
x = torch.ones(2, 3, requires_grad=True)
y = net(x)
y.sum().backward()
print(y, kept["hidden"].shape, x.grad)
print(net[0].weight.grad)
first.remove()
print(net.forward(x))
