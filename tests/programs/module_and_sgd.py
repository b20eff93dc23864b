import torch
import torch.nn as nn
import torch.optim as optim

torch.manual_seed(1)
net = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1), nn.Sigmoid())
criterion = nn.BCELoss()
optimizer = optim.SGD(net.parameters(), lr=0.5, momentum=0.9)
X = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
y = torch.tensor([[0.0], [1.0], [1.0], [0.0]])
history = []
for i in range(30):
    optimizer.zero_grad()
    out = net(X)
    loss = criterion(out, y)
    loss.backward()
    optimizer.step()
    history.append(loss.item())
print(len(history), history[0] > history[-1])
print([round(v, 4) for v in history[:3]])
for name, p in net.named_parameters():
    print(name, tuple(p.shape), p.grad is not None)
