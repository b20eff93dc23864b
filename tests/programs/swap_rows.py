import torch
m = torch.arange(9.).view(3, 3)
m[[0, 2]] = m[[2, 0]]
i, j = 0, 1
i, j = j, i
m[i], m[j] = m[j].clone(), m[i].clone()
print(m, i, j)
m[m > 5] *= -1
m[:, 0] += 100
print(m, m[1, :].tolist(), m[-1][-1].item(), m[::2, 1:].shape, m[None].shape, m[..., None].shape)
