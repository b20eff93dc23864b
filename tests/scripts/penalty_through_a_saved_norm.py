import torch


class Direction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        size = x.norm(dim=1, keepdim=True)
        ctx.save_for_backward(x, size)  #: saved-as-constant w
        return x / size

    @staticmethod
    def backward(ctx, grad):
        x, size = ctx.saved_tensors
        along = (grad * x).sum(1, keepdim=True) / size**2
        return (grad - along * x) / size


torch.manual_seed(0)
w = torch.randn(3, 2, requires_grad=True)
optimizer = torch.optim.SGD([w], lr=0.1)
for _ in range(3):
    x = torch.randn(5, 3, requires_grad=True)
    out = Direction.apply(x @ w)[:, 0].sum()
    (slope,) = torch.autograd.grad(out, x, create_graph=True)
    optimizer.zero_grad()
    slope.pow(2).sum().backward()
    optimizer.step()
