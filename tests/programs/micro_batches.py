import torch

w = torch.zeros(2, requires_grad=True)
opt = torch.optim.SGD([w], lr=0.1)
data = torch.arange(8.0).view(4, 2)
for i, row in enumerate(data):
    loss = ((row * w).sum() - 1) ** 2 / 2
    loss.backward()
    if (i + 1) % 2 == 0:
        opt.step()
        opt.zero_grad()
print(w)
