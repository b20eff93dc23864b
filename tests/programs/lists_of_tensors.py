import torch

xs = []
for i in range(3):
    xs.append(torch.full((2,), float(i), requires_grad=True))
total = sum(xs).sum() + torch.stack(xs).prod(0).sum()
total.backward()
print([x.grad for x in xs], len(xs), xs[-1])
xs.extend([1, 2])
xs.pop()
xs.insert(0, "first")
xs.reverse()
print(xs[0], xs.index("first"), len(xs), 1 in xs[:1])
names = ["a", "b"]
print(dict(zip(names, range(2))), list(map(len, names)), tuple(reversed(names)))
