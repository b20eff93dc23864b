import torch


class Squared(torch.autograd.Function):
    @staticmethod
    def forward(ctx, prediction, target):
        ctx.difference = prediction - target
        return ctx.difference.pow(2).mean()

    @staticmethod
    def backward(ctx, *grads):
        return 2 * ctx.difference / ctx.difference.numel(), None  #: backward-ignores-gradient w


w = torch.tensor([1.0, 2.0], requires_grad=True)
x, y = torch.eye(2), torch.tensor([3.0, 1.0])
loss = 0.5 * Squared.apply(x @ w, y) + 0.01 * w.pow(2).sum()
loss.backward()
print(w.grad)
