import torch
from torch import nn


def train_step(model, optimizer, x, y, most=1.0):
    optimizer.zero_grad()
    states, _ = model["lstm"](x)
    loss = (model["head"](states[:, -1]) - y).pow(2).mean()
    nn.utils.clip_grad_norm_(model.parameters(), most)  #: clip-misplaced model.lstm.weight_ih_l0
    loss.backward()
    optimizer.step()
    return loss.item()


torch.manual_seed(0)
model = nn.ModuleDict({"lstm": nn.LSTM(1, 4, batch_first=True), "head": nn.Linear(4, 1)})
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for _ in range(3):
    x = torch.randn(4, 6, 1) * 20
    print(train_step(model, optimizer, x, x.sum(1)))
