import torch


def f(x):
    return torch.stack([x[0] ** 2 * x[1], 5 * x[0] + torch.sin(x[1])])


x = torch.tensor([1.0, 2.0], requires_grad=True)
y = f(x)
J = torch.zeros(2, 2)
for i in range(2):
    grad_output = torch.zeros(2)
    grad_output[i] = 1.0
    J[i] = torch.autograd.grad(y, x, grad_outputs=grad_output, retain_graph=True)[0]
print(J)
