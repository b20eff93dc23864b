import torch
from torch import nn


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(12, 6)

    def forward(self, words):
        return self.embedding(words).mean(1)  #: cut-by-no-grad model.encoder.embedding.weight

    @torch.no_grad()
    def encode(self, sentences):
        rows = []
        for start in range(0, len(sentences), 2):
            rows.extend(self(sentences[start : start + 2]))
        return rows


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder()
        self.head = nn.Linear(6, 2)

    def forward(self, sentences):
        return self.head(torch.stack(self.encoder.encode(sentences)))


torch.manual_seed(0)
model = Model()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for _ in range(4):
    sentences = torch.randint(0, 12, (6, 5))
    loss = nn.functional.cross_entropy(model(sentences), sentences[:, 0] % 2)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
