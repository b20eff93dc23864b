import torch

a = 1.0


def outer(k):
    def inner(x):
        return a * k * x

    return inner


a = 10.0
g = outer(2)
print(g(torch.ones(2)))
x = 5
print([x for x in range(3)], x)
print(sum(v * w for v, w in zip([1, 2, 3], [4, 5, 6])))
rows = [[i * j for j in range(3)] for i in range(2)]
print(rows, [v for row in rows for v in row if v])
first, *middle, last = range(5)
print(first, middle, last)
(p, q), r = (1, 2), 3
print(p + q * r)
