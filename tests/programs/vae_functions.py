import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(1)
enc = nn.Linear(6, 8); mu_head = nn.Linear(8, 2); lv_head = nn.Linear(8, 2)
dec = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 6), nn.Sigmoid())

def reparameterize(mu, logvar):
    std = torch.exp(0.5*logvar)
    eps = torch.randn_like(std)
    return mu + eps*std

def loss_function(recon_x, x, mu, logvar):
    BCE = F.binary_cross_entropy(recon_x, x.view(-1, 6), reduction='sum')
    # 0.5 * sum(1 + log(sigma^2) - mu^2 - sigma^2)
    KLD = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return BCE + KLD

params = [*enc.parameters(), *mu_head.parameters(), *lv_head.parameters(), *dec.parameters()]
optimizer = torch.optim.Adam(params, lr=1e-3)
data = torch.rand(5, 6)
for epoch in range(1, 4):
    optimizer.zero_grad()
    h1 = F.relu(enc(data))
    mu, logvar = mu_head(h1), lv_head(h1)
    z = reparameterize(mu, logvar)
    recon_batch = dec(z)
    loss = loss_function(recon_batch, data, mu, logvar)
    loss.backward()
    optimizer.step()
    print('====> Epoch: {} Average loss: {:.4f}'.format(epoch, loss.item() / len(data)))
