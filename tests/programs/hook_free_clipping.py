import torch

w = torch.tensor([3.0, 4.0], requires_grad=True)
(w**2).sum().backward()
norm = torch.nn.utils.clip_grad_norm_([w], max_norm=1.0)
print(norm, w.grad)
