import torch
from torch import nn

torch.manual_seed(0)
rnn = nn.LSTM(3, 4, batch_first=True)
x = torch.randn(2, 5, 3)
out, (h, c) = rnn(x)
out[:, -1].sum().backward()
print(out.shape, h.shape, c.shape, rnn.weight_ih_l0.grad.abs().sum() > 0)
emb = nn.Embedding(10, 3, padding_idx=0)
e = emb(torch.tensor([[0, 1], [2, 0]]))
e.sum().backward()
print(emb.weight.grad.sum(1))
