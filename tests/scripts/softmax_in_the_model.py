import torch
from torch import nn
from torch.nn import functional as F


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(4, 8)
        self.out = nn.Linear(8, 5)

    def forward(self, x):
        return F.softmax(self.out(F.relu(self.hidden(x))), dim=1)  #: softmax-twice model.hidden.weight


def main():
    torch.manual_seed(0)
    model = Classifier()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(5):
        x = torch.randn(6, 4)
        optimizer.zero_grad()
        criterion(model(x), x.argmax(1)).backward()
        optimizer.step()


main()
