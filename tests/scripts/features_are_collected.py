import torch
from torch import nn


def collect(body, batches, store):
    for batch in batches:
        store["features"].append(torch.relu(body(batch)))  #: graph-kept store["features"]


torch.manual_seed(0)
body, head = nn.Linear(4, 8), nn.Linear(8, 2)
optimizer = torch.optim.SGD([*body.parameters(), *head.parameters()], lr=0.1)
store = {"features": []}
for epoch in range(5):
    batches = torch.randn(3, 6, 4)
    for batch in batches:
        optimizer.zero_grad()
        nn.functional.cross_entropy(head(torch.relu(body(batch))), batch[:, 0].gt(0).long()).backward()
        optimizer.step()
    collect(body, batches, store)
