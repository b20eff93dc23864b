import torch

torch.manual_seed(0)
X = torch.randn(50, 1)
Y = 3 * X + 2 + 0.1 * torch.randn(50, 1)
w = torch.zeros(1, requires_grad=True)
b = torch.zeros(1, requires_grad=True)
lr = 0.1
for epoch in range(100):
    pred = X * w + b
    loss = ((pred - Y) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        w -= lr * w.grad
        b -= lr * b.grad
    w.grad.zero_()
    b.grad.zero_()
    if epoch % 20 == 0:
        print("epoch", epoch, "loss", loss.item())
print(f"w={w.item():.3f} b={b.item():.3f}")
