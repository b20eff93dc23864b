import torch
torch.manual_seed(2)
X = torch.randn(30, 4) @ torch.diag(torch.tensor([5., 2., .5, .1]))
Xc = X - X.mean(0, keepdim=True)
U, S, Vh = torch.linalg.svd(Xc, full_matrices=False)
var = S**2 / (X.shape[0] - 1)
ratio = var / var.sum()
print('explained:', [f'{r:.4f}' for r in ratio])
cov = Xc.T @ Xc / (len(X) - 1)
evals = torch.linalg.eigvalsh(cov).flip(0)
print(torch.allclose(evals, var, atol=1e-4))
Z = Xc @ Vh[:2].T
recon = Z @ Vh[:2]
print(((Xc - recon)**2).mean() < 0.2, Z.shape)
