import torch
from torch import nn


class TwoHeads(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(6, 16), nn.ReLU())
        self.mean = nn.Linear(16, 1)
        self.kind = nn.Linear(16, 3)

    def forward(self, x):
        code = self.body(x)
        return self.mean(code).squeeze(1), self.kind(code)


def train(model, rounds=6):
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(rounds):
        x = torch.randn(8, 6)
        mean, kind = model(x)
        regression = (mean - x.sum(1)).pow(2).mean()
        classes = nn.functional.cross_entropy(kind, x[:, :3].argmax(1))
        optimizer.zero_grad()
        regression.backward(retain_graph=True)
        optimizer.zero_grad()  #: gradient-thrown-away model.mean.weight
        classes.backward()
        optimizer.step()
    print(f"{regression.item():.3f} {classes.item():.3f}")


torch.manual_seed(0)
model = TwoHeads()
train(model)
