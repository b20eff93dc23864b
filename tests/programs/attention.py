import torch
import torch.nn.functional as F
import math

torch.manual_seed(0)
q = torch.randn(1, 4, 8, requires_grad=True)
k = torch.randn(1, 4, 8, requires_grad=True)
v = torch.randn(1, 4, 8, requires_grad=True)
scores = q @ k.transpose(-2, -1) / math.sqrt(q.size(-1))
mask = torch.triu(torch.ones(4, 4), diagonal=1).bool()
scores = scores.masked_fill(mask, float("-inf"))
weights = F.softmax(scores, dim=-1)
out = weights @ v
out.sum().backward()
print(weights[0].sum(-1))
print(q.grad.norm(), k.grad.shape, v.grad[0, -1])
