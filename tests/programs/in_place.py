import torch

x = torch.zeros(3)
x[1] = 5.0
x[2:] += 1
x.mul_(2).add_(1)
print(x)
w = torch.ones(3, requires_grad=True)
h = w * 2
h[0] = 10.0
h += 1
h.sum().backward()
print(h, w.grad)
d = w.data
d *= 100
print(w, w.requires_grad)
w.data[0] = -1.0
print(w)
t = torch.arange(6.0).view(2, 3)
row = t[0]
row.zero_()
print(t)
t[:, 1] = torch.tensor([7.0, 8.0])
t[t > 7] = -1
print(t)
