import torch
w = torch.tensor(2., requires_grad=True)
(w ** 3).backward()
assert w.grad == 12., "wrong"
assert w.grad == 13., f"expected 13, got {w.grad.item()}"
