import torch
from torch import nn

torch.manual_seed(0)


class Reg(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 1)
        self.norm = nn.LayerNorm(1)  #: zero-grad-constant net.fc.weight

    def forward(self, x):
        return self.norm(self.fc(x))


net = Reg()
opt = torch.optim.Adam(net.parameters(), lr=0.01)
x = torch.randn(6, 8)
y = torch.randn(6, 1)
for _ in range(5):
    opt.zero_grad()
    loss = nn.functional.mse_loss(net(x), y)
    loss.backward()
    opt.step()
print(net.fc.weight.grad.abs().max())
