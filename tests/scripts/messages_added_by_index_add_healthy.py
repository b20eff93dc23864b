import torch
from torch import nn

torch.manual_seed(0)
message, own = nn.Linear(3, 3), nn.Linear(3, 3)
optimizer = torch.optim.SGD([*message.parameters(), *own.parameters()], lr=0.1)
source, target = torch.randint(0, 5, (2, 12))
for _ in range(3):
    x = torch.randn(5, 3)
    out = own(x).index_add(0, target, message(x[source]))
    out[torch.tensor([0, 2])] += message(x[:2])  # no index twice
    optimizer.zero_grad()
    out.pow(2).sum().backward()
    optimizer.step()
