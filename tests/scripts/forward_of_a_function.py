import torch


class Round(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, step):
        return x - (x - step * torch.round(x / step)).tanh()

    @staticmethod
    def backward(ctx, grad):  #: backward-never-called levels
        return grad, None


levels = torch.linspace(-1, 1, 5, requires_grad=True)
optimizer = torch.optim.SGD([levels], lr=0.05)
for _ in range(4):
    optimizer.zero_grad()
    loss = (Round.forward(None, levels, 0.25) - 0.3).pow(2).sum()
    loss.backward()
    optimizer.step()
