import torch

def f(x):
    return torch.exp(-x) * torch.cos(3 * x) + x ** 3 / 7

def numerical(f, x0, h=1e-6):
    return (f(torch.tensor(x0 + h, dtype=torch.double)) - f(torch.tensor(x0 - h, dtype=torch.double))).item() / (2 * h)

for x0 in [-1.5, 0., 0.3, 2]:
    x = torch.tensor(x0, dtype=torch.double, requires_grad=True)
    f(x).backward()
    num = numerical(f, x0)
    ana = x.grad.item()
    rel = abs(num - ana) / max(1e-8, abs(num) + abs(ana))
    print("%6.2f  %+.6f  %+.6f  %s" % (x0, num, ana, "ok" if rel < 1e-6 else "BAD"))
