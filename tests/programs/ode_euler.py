import torch
k = torch.tensor(0.7, requires_grad=True)
y0 = torch.tensor(1.0)
T, n = 2.0, 50
dt = T / n
y = y0
traj = [y.item()]
for i in range(n):
    y = y + dt * (-k * y)
    traj.append(y.item())
y.backward()
exact = -T * torch.exp(-k.detach() * T)
print(len(traj), y, k.grad, exact, abs(k.grad - exact) < 0.02)
