import torch
from torch import sigmoid, tanh

def gru_cell(x, h, W, U, b):
    (Wz, Wr, Wn), (Uz, Ur, Un), (bz, br, bn) = W, U, b
    z = sigmoid(x @ Wz + h @ Uz + bz)
    r = sigmoid(x @ Wr + h @ Ur + br)
    n = tanh(x @ Wn + r * (h @ Un) + bn)
    return (1 - z) * n + z * h

torch.manual_seed(0)
mk = lambda *shape: (torch.randn(*shape) / 2).requires_grad_()
W = [mk(2, 3) for _ in range(3)]
U = [mk(3, 3) for _ in range(3)]
b = [mk(3) for _ in range(3)]
h = torch.zeros(3)
for x in torch.randn(4, 2):
    h = gru_cell(x, h, W, U, b)
loss = h.pow(2).sum()
grads = torch.autograd.grad(loss, W + U + b)
print(len(grads), [tuple(g.shape) for g in grads])
print(sum([g.norm() for g in grads]))
