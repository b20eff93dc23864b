import torch

x = torch.tensor(1.0, requires_grad=True)
steps = 0
while True:
    y = x**2 - 2
    if abs(y.item()) < 1e-6 or steps >= 20:
        break
    y.backward()
    with torch.no_grad():
        x -= y / x.grad
    x.grad = None
    steps += 1
print(steps, round(x.item(), 5))
assert abs(x.item() - 2**0.5) < 1e-4, "no root"
