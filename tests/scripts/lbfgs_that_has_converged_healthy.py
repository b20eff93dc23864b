import torch

w = torch.zeros(1, requires_grad=True)
optimizer = torch.optim.LBFGS([w])


def closure():
    optimizer.zero_grad()
    loss = (w - 1).pow(2).sum()
    loss.backward()
    return loss


for _ in range(3):
    optimizer.step(closure)
