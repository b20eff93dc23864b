import torch

def model(x, params):
    w1, b1, w2, b2 = params
    return torch.tanh(x @ w1 + b1) @ w2 + b2

torch.manual_seed(0)
params = [torch.randn(1, 5), torch.zeros(5), torch.randn(5, 1), torch.zeros(1)]
params = [p.requires_grad_(True) for p in params]
inner_lr = 0.05
meta_loss = 0.
for task in range(2):
    amp, phase = 1. + task, task * 0.5
    xs, xq = torch.rand(6, 1) * 4 - 2, torch.rand(6, 1) * 4 - 2
    ys, yq = amp * torch.sin(xs + phase), amp * torch.sin(xq + phase)
    support = ((model(xs, params) - ys) ** 2).mean()
    grads = torch.autograd.grad(support, params, create_graph=True)
    fast = [p - inner_lr * g for p, g in zip(params, grads)]
    meta_loss = meta_loss + ((model(xq, fast) - yq) ** 2).mean()
meta_loss.backward()
for i, p in enumerate(params):
    print(i, p.grad.flatten()[:2])
