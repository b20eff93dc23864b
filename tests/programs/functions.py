import torch


def f(x, n=3, *rest, scale=1.0):
    """A docstring."""
    total = 0
    for i in range(n):
        if i == 1:
            continue
        total = total + scale * x ** (i + 1)
        if i > 5:
            break
    return total + len(rest)


def compose(g, h):
    return lambda x: g(h(x))


x = torch.tensor(2.0, requires_grad=True)
y = compose(torch.sin, f)(x) + f(x, 2, 1, 1, scale=0.5)
y.backward()
print(y, x.grad)
fs = [torch.relu, torch.tanh, lambda t: t * 2]
print([g(torch.tensor(0.5)).item() for g in fs])


def factorial(n):
    return 1 if n < 2 else n * factorial(n - 1)


print(factorial(6))
counts = {"a": 1}
counts["b"] = counts["a"] + 1
for key, value in counts.items():
    print(key, value)
print(sorted(counts.keys(), reverse=True), max(counts.values()), "a" in counts, counts.get("z", 0))
