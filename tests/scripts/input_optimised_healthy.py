import torch

torch.manual_seed(0)
target = torch.rand(6)


def fit(steps):
    image = torch.randn(6).clone().requires_grad_(True)
    optimizer = torch.optim.Adam([image], lr=0.05)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (torch.sigmoid(image) - target).pow(2).sum()
        loss.backward()
        optimizer.step()
    return image


print(fit(30))
