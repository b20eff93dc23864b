import torch
lengths = torch.tensor([2, 4, 1])
x = torch.arange(24, dtype=torch.float).view(3, 4, 2).requires_grad_()
mask = torch.arange(4)[None, :] < lengths[:, None]
mean = (x * mask.unsqueeze(-1)).sum(1) / lengths.unsqueeze(-1)
print(mask, mean)
mean.sum().backward()
print(x.grad[..., 0])
x2 = torch.where(mask.unsqueeze(-1), x, torch.full_like(x, -1e9)).max(dim=1)
print(x2.values, x2.indices)
