import torch

a = torch.ones(2, requires_grad=True)
b = torch.ones(2, requires_grad=True)
(a * b).sum().backward(inputs=[a])
print(a.grad, b.grad)
torch.autograd.backward([(a * 2).sum(), (b * 3).sum()])
print(a.grad, b.grad)
