import torch
from torch import nn

torch.manual_seed(0)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))

    def forward(self, x):
        return self.body(x)


def score(encoder, batch, reference):
    whole = encoder(batch).sum()
    one_by_one = sum(encoder(each) for each in reference).sum()
    return torch.sigmoid(whole - one_by_one)  #: gradient-cancels encoder.body.0.weight


encoder = Encoder()
optimizer = torch.optim.SGD(encoder.parameters(), lr=0.1)
for _ in range(4):
    batch = torch.randn(5, 4)
    optimizer.zero_grad()
    score(encoder, batch, batch).backward()
    optimizer.step()
