import torch
from torch import nn

torch.manual_seed(0)


class Deep(nn.Module):
    def __init__(self, depth=16):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(8, 8) for _ in range(depth)])
        self.head = nn.Linear(8, 1)

    def forward(self, x):
        for layer in self.layers:
            x = torch.sigmoid(layer(x))  #: vanishing-gradient net.layers.0.bias
        return self.head(x)


net = Deep()
opt = torch.optim.SGD(net.parameters(), lr=0.1)
x = torch.randn(32, 8)
y = x.sum(1, keepdim=True)
for epoch in range(4):
    opt.zero_grad()
    loss = ((net(x) - y) ** 2).mean()
    loss.backward()
    opt.step()
    print(epoch, loss.item())
