import torch
from torch import nn

torch.manual_seed(0)


class Cell(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(0.5 * torch.randn(16, 16))
        self.u = nn.Parameter(torch.randn(4, 16))
        self.out = nn.Linear(16, 1)

    def forward(self, xs):
        h = torch.zeros(xs.shape[1], 16)
        for x in xs:
            h = x @ self.u + h @ self.w  #: exploding-gradient net.u
        return self.out(h)


net = Cell()
optimizer = torch.optim.SGD(net.parameters(), lr=1e-3)
xs, y = torch.randn(30, 8, 4), torch.randn(8, 1)
optimizer.zero_grad()
loss = (net(xs) - y).abs().mean()
loss.backward()
torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
optimizer.step()
