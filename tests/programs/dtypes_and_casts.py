import torch

x = torch.tensor([1.7, 2.2], dtype=torch.float64, requires_grad=True)
y = x.float() * 2
z = x.long()
print(y.dtype, z, z.dtype, x.to(torch.float16).dtype, x.type(torch.float32).dtype)
y.sum().backward()
print(x.grad, x.grad.dtype)
c = torch.tensor([1 + 2j], requires_grad=True)
(c * c.conj()).real.sum().backward()
print(c.grad)
print(torch.tensor([True, False]).sum(), torch.zeros(2, dtype=torch.int32).dtype)
