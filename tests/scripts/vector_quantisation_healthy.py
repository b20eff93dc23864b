import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(5)


class Codebook(nn.Module):
    def __init__(self, n_codes=16, dim=4, beta=0.25):
        super().__init__()
        self.codes = nn.Parameter(torch.randn(n_codes, dim) * 0.5)
        self.beta = beta

    def forward(self, z):
        with torch.no_grad():
            idx = torch.cdist(z, self.codes).argmin(dim=1)
        q = self.codes[idx]
        vq_loss = F.mse_loss(q, z.detach()) + self.beta * F.mse_loss(z, q.detach())
        q = z + (q - z).detach()
        return q, vq_loss, idx


class VQAutoencoder(nn.Module):
    def __init__(self, n_in=12, dim=4):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(n_in, 24), nn.ReLU(), nn.Linear(24, dim))
        self.book = Codebook(dim=dim)
        self.dec = nn.Sequential(nn.Linear(dim, 24), nn.ReLU(), nn.Linear(24, n_in))

    def forward(self, x):
        q, vq_loss, idx = self.book(self.enc(x))
        return self.dec(q), vq_loss, idx


@torch.no_grad()
def perplexity(idx, n_codes):
    p = torch.bincount(idx, minlength=n_codes).float() / idx.numel()
    return torch.exp(-torch.special.xlogy(p, p).sum()).item()


basis = torch.randn(4, 12)
data = 0.5 * torch.randn(128, 4) @ basis
model = VQAutoencoder()
opt = torch.optim.Adam(model.parameters(), lr=3e-3)

for epoch in range(4):
    recon, vq_loss, idx = model(data)
    rec_loss = F.mse_loss(recon, data)
    loss = rec_loss + vq_loss
    opt.zero_grad()
    loss.backward()
    opt.step()
    if epoch % 15 == 0:
        print(epoch, f"recon {rec_loss.item():.3f} vq {vq_loss.item():.3f} perplexity {perplexity(idx, 16):.1f}")
