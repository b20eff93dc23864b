import torch
from torch import nn
from torch.utils import checkpoint


class Segment(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.mix = nn.Linear(channels, channels)

    def forward(self, x):
        return x + torch.tanh(self.mix(self.norm(x)))


torch.manual_seed(0)
first, second, head = Segment(4), Segment(4), nn.Linear(4, 1)
optimizer = torch.optim.SGD([*first.parameters(), *second.parameters(), *head.parameters()], lr=0.05)
for _ in range(4):
    x = torch.randn(6, 4)
    h = checkpoint.checkpoint(first, x, use_reentrant=True)  #: cut-by-checkpoint first.norm.weight
    loss = (head(second(h)) - x.mean(1, keepdim=True)).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
