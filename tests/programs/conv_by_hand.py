import torch
import torch.nn.functional as F
torch.manual_seed(0)

def corr2d(X, K):
    h, w = K.shape
    Y = torch.zeros((X.shape[0] - h + 1, X.shape[1] - w + 1))
    for i in range(Y.shape[0]):
        for j in range(Y.shape[1]):
            Y[i, j] = (X[i:i + h, j:j + w] * K).sum()
    return Y

X = torch.ones((6, 8)); X[:, 2:6] = 0
K = torch.tensor([[1.0, -1.0]])
Y = corr2d(X, K)
print(Y)

W = torch.randn(1, 2, requires_grad=True)
for i in range(4):
    l = (corr2d(X, W) - Y) ** 2
    l.sum().backward()
    W.data[:] -= 3e-2 * W.grad
    W.grad.zero_()
    if (i + 1) % 2 == 0:
        print(f'epoch {i + 1}, loss {l.sum():.3f}')
print(torch.allclose(F.conv2d(X[None, None], W[None, None])[0, 0], corr2d(X, W)))
