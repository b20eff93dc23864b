import torch
torch.manual_seed(5)
X = torch.cat([torch.randn(20, 2) + torch.tensor([4., 0.]), torch.randn(20, 2) - torch.tensor([4., 0.])])
K, iters = 2, 4
centers = X[torch.randperm(X.size(0))[:K]].clone()
for it in range(iters):
    dist = torch.cdist(X, centers)
    assign = dist.argmin(dim=1)
    for k in range(K):
        mask = assign == k
        if mask.any():
            centers[k] = X[mask].mean(dim=0)
    inertia = dist.gather(1, assign[:, None]).pow(2).sum()
    print(it, "%.3f" % inertia.item(), torch.bincount(assign, minlength=K))
print(centers.sort(dim=0).values)
