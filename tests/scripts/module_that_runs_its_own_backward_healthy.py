import torch
from torch import nn


class Trainer(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 1)

    def forward(self, x):
        return self.layer(x)

    def backward(self, loss):
        loss.backward()


torch.manual_seed(0)
trainer = Trainer()
optimizer = torch.optim.SGD(trainer.parameters(), lr=0.1)
for _ in range(4):
    x = torch.randn(8, 2)
    optimizer.zero_grad()
    trainer.backward((trainer(x) - x.sum(1, keepdim=True)).pow(2).mean())
    optimizer.step()
