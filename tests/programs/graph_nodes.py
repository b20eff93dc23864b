import torch

x = torch.ones(2, requires_grad=True)
y = (x * 2).sum()
print(y.grad_fn.name(), y.grad_fn.next_functions[0][0].name(), len(y.grad_fn.next_functions), x.grad_fn)
