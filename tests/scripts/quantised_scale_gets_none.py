import torch
from torch import nn

torch.manual_seed(0)


class Quant(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, scale):
        ctx.save_for_backward(scale)
        return torch.round(x / scale) * scale

    @staticmethod
    def backward(ctx, g):
        return g, None  #: backward-gives-none net.scale


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.randn(3, 3))
        self.scale = nn.Parameter(torch.tensor(0.1))

    def forward(self, x):
        return x @ Quant.apply(self.w, self.scale)


net = Layer()
opt = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(3):
    opt.zero_grad()
    loss = (net(torch.randn(4, 3)) ** 2).mean()
    loss.backward()
    opt.step()
print(net.scale.grad)
