import torch
r = torch.tensor([1., 0., 2., 3.], requires_grad=True)
gamma = .5
T = r.numel()
disc = gamma ** torch.arange(T)
returns = (r * disc).flip(0).cumsum(0).flip(0) / disc
print(returns)
loop = []
G = 0
for x in reversed(r.tolist()):
    G = x + gamma * G
    loop.append(G)
print(list(reversed(loop)))
returns[0].backward()
print(r.grad == disc)
mov = torch.cat([torch.zeros(1), r.cumsum(0)])
print((mov[2:] - mov[:-2]) / 2)
