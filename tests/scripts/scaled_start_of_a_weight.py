import torch

torch.manual_seed(0)
bias = torch.zeros(2, requires_grad=True)
weight = torch.randn(3, 2, requires_grad=True) * 0.1  #: hidden-leaf weight
optimizer = torch.optim.SGD([bias], lr=0.1)
for _ in range(5):
    x = torch.randn(4, 3)
    loss = (x @ weight + bias).pow(2).mean()
    optimizer.zero_grad()
    loss.backward(retain_graph=True)
    optimizer.step()
