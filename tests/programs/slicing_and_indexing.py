import torch

x = torch.arange(12.0).reshape(3, 4)
x.requires_grad_()
a = x[0]
b = x[:, 1]
c = x[1:, ::2]
d = x[torch.tensor([0, 2])]
e = x[x > 5]
f = x[..., None]
g = x[-1, -1]
(a.sum() + b.sum() * 2 + c.sum() * 3 + d.sum() * 4 + e.sum() * 5 + f.sum() + g).backward()
print(x.grad)
u, v = x.split(2, dim=1)
print(u.shape, v.shape, torch.cat([u, v], dim=1).shape)
for i, row in enumerate(x):
    print(i, row.sum().item())
values, indices = x.max(dim=1)
print(values, indices, x.max(1).values.shape, torch.topk(x, 2).indices.shape)
m = torch.max(x, 1)
print(m[0], m.indices)
