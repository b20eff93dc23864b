import torch

w = torch.tensor([1.0], requires_grad=True)
samples = [(1.0, 2.0), (2.0, 3.0), (3.0, 7.0)]
optimizer = torch.optim.SGD([w], lr=0.03)
for _ in range(120):
    optimizer.zero_grad()
    loss = sum((w * x - y) ** 2 for x, y in samples)
    loss.sum().backward()
    optimizer.step()
