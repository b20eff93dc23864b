import math
import torch

print(math.sqrt(2), math.pi, math.exp(1.0), abs(-3), min(3, 1, 2), max([1, 5]), round(2.567, 1), sum([1, 2, 3]))
print(1 < 2 < 3, 1 == 1.0, None is None, 3 != 4, any([0, 1]), all([]), bool(0), int(3.9), float("1e3"))
x = torch.tensor(2.0, requires_grad=True)
y = math.log(8.0) * x if x > 1 else x
y.backward()
print(x.grad)
