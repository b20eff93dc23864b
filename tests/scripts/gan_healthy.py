import torch
from torch import nn

torch.manual_seed(0)


class Gan:
    def __init__(self):
        self.maker = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2))
        self.judge = nn.Sequential(nn.Linear(2, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1))
        self.of_maker = torch.optim.Adam(self.maker.parameters(), lr=1e-3)
        self.of_judge = torch.optim.Adam(self.judge.parameters(), lr=1e-3)
        self.loss = nn.BCEWithLogitsLoss()

    def round(self, real):
        ones, zeros = torch.ones(len(real), 1), torch.zeros(len(real), 1)
        fake = self.maker(torch.randn(len(real), 2))
        self.of_judge.zero_grad()
        (self.loss(self.judge(real), ones) + self.loss(self.judge(fake.detach()), zeros)).backward()
        self.of_judge.step()
        self.of_maker.zero_grad()
        self.loss(self.judge(fake), ones).backward()
        self.of_maker.step()


gan = Gan()
for _ in range(9):
    gan.round(torch.randn(6, 2) + 2)
