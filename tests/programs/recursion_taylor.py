import torch
def fact(n): return 1 if n <= 1 else n * fact(n - 1)
def taylor_exp(x, n=10):
    return sum([x ** k / fact(k) for k in range(n)])
x = torch.tensor(1., requires_grad=True)
y = taylor_exp(x)
y.backward()
print(y.item(), x.grad.item(), fact(20), abs(y.item() - 2.71828) < 1e-4)
first, *middle, last = [fact(i) for i in range(6)]
print(first, middle, last)
