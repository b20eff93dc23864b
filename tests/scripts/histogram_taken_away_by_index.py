import torch

torch.manual_seed(0)
weights = torch.rand(9, requires_grad=True)
bins = torch.tensor([0, 1, 1, 2, 2, 2, 3, 3, 0])
wanted = torch.tensor([1.0, 2.0, 3.0, 2.0])
optimizer = torch.optim.Adam([weights], lr=0.1)
for _ in range(3):
    missing = wanted.clone()
    missing[bins] -= weights * 2  #: repeated-index weights
    loss = missing.pow(2).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
