import torch
import torch.nn.functional as F

torch.manual_seed(0)
online = torch.randn(3, requires_grad=True)
target = torch.randn(3, requires_grad=True)
with torch.no_grad():
    goal = target * 2
loss = F.mse_loss(online, goal)
loss.backward()
print(online.grad is not None, target.grad)
with torch.no_grad():
    target.copy_(0.9 * target + 0.1 * online)
print(target)
