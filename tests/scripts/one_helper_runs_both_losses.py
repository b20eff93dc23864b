import torch
from torch import nn

torch.manual_seed(0)


class Pair:
    def __init__(self):
        self.speaker, self.judge = nn.Linear(3, 4), nn.Linear(4, 1)
        self.speaks = torch.optim.SGD(self.speaker.parameters(), lr=0.05)
        self.judges = torch.optim.SGD(self.judge.parameters(), lr=0.05)

    def descend(self, loss, optimizer):
        loss.backward()  #: gradient-left-over pair.judge.weight
        optimizer.step()
        optimizer.zero_grad()

    def of_speaker(self):
        return (self.judge(torch.tanh(self.speaker(torch.randn(8, 3)))) - 1).pow(2).mean()

    def of_judge(self):
        said = torch.tanh(self.speaker(torch.randn(8, 3))).detach()
        return self.judge(said).pow(2).mean() + (self.judge(torch.randn(8, 4)) - 1).pow(2).mean()


pair = Pair()
for _ in range(6):
    pair.descend(pair.of_speaker(), pair.speaks)
    pair.descend(pair.of_judge(), pair.judges)
