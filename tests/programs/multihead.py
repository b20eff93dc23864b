import torch
from torch import nn

torch.manual_seed(0)
mha = nn.MultiheadAttention(8, 2, batch_first=True)
x = torch.randn(1, 3, 8, requires_grad=True)
out, weights = mha(x, x, x)
out.sum().backward()
print(out.shape, weights.shape, x.grad.shape, mha.out_proj.weight.grad.shape)
layers = nn.ModuleList([nn.Linear(2, 2) for _ in range(3)])
h = torch.ones(1, 2)
for layer in layers:
    h = torch.relu(layer(h))
print(h.shape, len(layers), layers[0].in_features)
enc = nn.TransformerEncoderLayer(d_model=8, nhead=2, dropout=0.0, batch_first=True)
print(enc(x).shape)
drop = nn.Dropout(p=0.5)
drop.eval()
print(torch.equal(drop(x), x), drop.p, drop.training)
