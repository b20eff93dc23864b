import torch
import torch.nn as nn
logits = torch.randn(4, 3, requires_grad=True)
labels = torch.tensor([0, 2, 1, 1])
pred = logits.argmax(dim=1)
correct = (pred == labels).float()
loss = 1 - correct.mean()
loss.backward()
