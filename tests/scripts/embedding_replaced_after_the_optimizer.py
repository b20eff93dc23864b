import torch
from torch import nn

torch.manual_seed(0)


class Tagger(nn.Module):
    def __init__(self, words):
        super().__init__()
        self.embed = nn.Embedding(words, 4)
        self.out = nn.Linear(4, 2)

    def grow(self, words):
        old = self.embed
        self.embed = nn.Embedding(words, 4)  #: not-in-optimizer tagger.embed.weight
        with torch.no_grad():
            self.embed.weight[: old.num_embeddings] = old.weight

    def forward(self, ids):
        return self.out(self.embed(ids).mean(dim=1))


tagger = Tagger(5)
optimizer = torch.optim.Adam(tagger.parameters(), lr=0.01)
tagger.grow(8)
for _ in range(10):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(tagger(torch.randint(0, 8, (6, 3))), torch.randint(0, 2, (6,)))
    loss.backward()
    optimizer.step()
