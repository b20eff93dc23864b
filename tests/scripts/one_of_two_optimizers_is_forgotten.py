import torch
from torch import nn

torch.manual_seed(0)
encoder, decoder = nn.Linear(4, 2), nn.Linear(2, 4)
opt_e = torch.optim.Adam(encoder.parameters(), lr=1e-2)
opt_d = torch.optim.Adam(decoder.parameters(), lr=1e-2)
for _ in range(8):
    x = torch.randn(16, 4)
    opt_e.zero_grad()
    opt_d.zero_grad()
    loss = (decoder(torch.tanh(encoder(x))) - x).pow(2).mean()
    loss.backward()  #: optimizer-never-steps encoder.weight
    opt_d.step()
