import torch
idx = torch.tensor([1, 2, 3])
print(idx.dtype)
idx.requires_grad = True
