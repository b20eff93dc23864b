import torch

x = torch.randn(3, requires_grad=True)
y = torch.sigmoid(x)
y += 1          # in-place!
z = y.sum()
z.backward()
