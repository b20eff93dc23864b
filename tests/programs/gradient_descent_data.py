import torch

w = torch.tensor([1.0], requires_grad=True)
for i in range(5):
    loss = (w * 3 - 6).pow(2).sum()
    loss.backward()
    w.data -= 0.01 * w.grad.data
    w.grad.data.zero_()
    print(i, loss.data.item(), w.data)
