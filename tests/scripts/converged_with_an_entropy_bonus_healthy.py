import torch

logits = torch.tensor([0.5, -0.2, 0.1], dtype=torch.float64, requires_grad=True)
reward = torch.tensor([1.0, 0.0, 0.5], dtype=torch.float64)
optimizer = torch.optim.LBFGS([logits], max_iter=50, tolerance_grad=1e-12, tolerance_change=1e-14)


def closure():
    optimizer.zero_grad()
    p = logits.softmax(dim=0)
    loss = -(p * reward).sum() - -0.3 * (p * p.log()).sum() * -1
    loss.backward()
    return loss


for _ in range(4):
    optimizer.step(closure)
