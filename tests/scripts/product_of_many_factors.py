import torch


class Chain(torch.nn.Module):
    def __init__(self, depth):
        super().__init__()
        self.start = torch.nn.Parameter(torch.ones(3))
        self.rates = torch.linspace(1.5, 2.5, depth)

    def forward(self):
        x = self.start
        for rate in self.rates:
            x = x * rate  #: exploding-gradient chain.start
        return x


chain = Chain(30)
optimizer = torch.optim.SGD(chain.parameters(), lr=1e-12)
for _ in range(8):
    optimizer.zero_grad()
    chain().sum().backward()
    optimizer.step()
