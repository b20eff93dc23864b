import torch
from torch import nn
from torch.nn import functional as F


class Trainer:
    def __init__(self):
        self.gen = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 2))
        self.disc = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1))
        self.gen_optimizer = torch.optim.Adam(self.gen.parameters(), lr=0.01)
        self.disc_optimizer = torch.optim.Adam(self.disc.parameters(), lr=0.01)

    def round(self, real):
        loss = F.softplus(-self.disc(self.gen(torch.randn(6, 3)))).mean()
        loss.backward()  #: gradient-left-over trainer.disc.0.weight
        self.gen_optimizer.step()
        self.gen_optimizer.zero_grad()
        with torch.no_grad():
            fake = self.gen(torch.randn(6, 3))
        judged = F.softplus(-self.disc(real)).mean() + F.softplus(self.disc(fake)).mean()
        judged.backward()
        self.disc_optimizer.step()
        self.disc_optimizer.zero_grad()
        return loss.item(), judged.item()


def main():
    torch.manual_seed(0)
    trainer = Trainer()
    for _ in range(4):
        print("%.3f %.3f" % trainer.round(torch.randn(6, 2) + 2))


main()
