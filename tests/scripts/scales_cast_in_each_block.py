import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.body = nn.Linear(size, size)
        self.scale = nn.Parameter(torch.tensor(0.1)).to(torch.float64)  #: hidden-leaf model.0.scale

    def forward(self, x):
        return x + self.scale.float() * torch.tanh(self.body(x))


def main():
    torch.manual_seed(0)
    model = nn.Sequential(Block(4), Block(4), nn.Linear(4, 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    for _ in range(8):
        x = torch.randn(6, 4)
        optimizer.zero_grad()
        (model(x) - x.sum(1, keepdim=True)).pow(2).mean().backward()
        optimizer.step()


main()
