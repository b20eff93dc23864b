import torch
from torch import nn
torch.manual_seed(0)
class AE(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc = nn.Linear(6, 2)
        self.dec = nn.Linear(2, 6)
    def forward(self, x):
        return self.dec(torch.tanh(self.enc(x)))
ae = AE()
opt_all = torch.optim.Adam(ae.parameters(), lr=1e-3)
opt_enc = torch.optim.Adam(ae.enc.parameters(), lr=1e-3)  #: two-optimizers ae.enc.weight
x = torch.randn(16, 6)
for _ in range(5):
    opt_all.zero_grad()
    loss = ((ae(x) - x) ** 2).mean()
    loss.backward()
    opt_all.step()
    opt_enc.step()
print(loss.item())
