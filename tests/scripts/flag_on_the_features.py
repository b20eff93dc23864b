import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Linear(4, 6), nn.ReLU())
        self.head = nn.Linear(6, 2)

    def forward(self, x):
        return self.head(self.features(x))


def pretrained():
    net = Net()
    return net.train()


def main():
    torch.manual_seed(0)
    model = pretrained()
    model.features.requires_grad = False  #: requires-grad-typo model.features
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(6):
        x = torch.randn(5, 4)
        optimizer.zero_grad()
        model(x).pow(2).mean().backward()
        optimizer.step()


main()
