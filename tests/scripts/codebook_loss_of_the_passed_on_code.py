import torch
from torch import nn


class Quantizer(nn.Module):
    def __init__(self, codes, width):
        super().__init__()
        self.codes = nn.Parameter(torch.randn(codes, width))

    def forward(self, z):
        nearest = self.codes[torch.cdist(z, self.codes.detach()).argmin(1)]
        return z + (nearest - z).detach()  #: cut-by-detach quantizer.codes


torch.manual_seed(0)
encoder, quantizer, decoder = nn.Linear(4, 2), Quantizer(6, 2), nn.Linear(2, 4)
optimizer = torch.optim.Adam([*encoder.parameters(), *quantizer.parameters(), *decoder.parameters()], lr=1e-2)
for _ in range(5):
    x = torch.randn(16, 4)
    z = encoder(x)
    code = quantizer(z)
    loss = (decoder(code) - x).pow(2).mean() + (code - z.detach()).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
