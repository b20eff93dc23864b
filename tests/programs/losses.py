import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
logits = torch.randn(3, 5, requires_grad=True)
target = torch.tensor([1, 0, 4])
loss = nn.CrossEntropyLoss()(logits, target)
loss.backward()
print(loss, logits.grad.sum(1).abs().max() < 1e-6)
a = F.nll_loss(F.log_softmax(logits, dim=1), target)
print(torch.allclose(a, loss))
print(F.mse_loss(torch.ones(3), torch.zeros(3), reduction="sum"), nn.L1Loss()(torch.ones(2), torch.zeros(2)))
print(F.one_hot(target, num_classes=5).sum())
