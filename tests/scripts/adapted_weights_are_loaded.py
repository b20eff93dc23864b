from collections import OrderedDict

import torch
from torch import nn


class Meta:
    def __init__(self):
        self.slow, self.fast = nn.Linear(1, 1), nn.Linear(1, 1)
        self.optimizer = torch.optim.SGD(self.slow.parameters(), lr=0.1)

    def adapted(self, x, y):
        weights = OrderedDict(self.slow.named_parameters())
        loss = (torch.func.functional_call(self.slow, weights, (x,)) - y).pow(2).mean()
        grads = torch.autograd.grad(loss, list(weights.values()), create_graph=True)
        return OrderedDict((name, w - 0.1 * g) for (name, w), g in zip(weights.items(), grads))

    def loss(self, x, y):
        self.fast.load_state_dict(self.adapted(x, y))  #: not-in-graph meta.slow.weight
        return (self.fast(x) - y).pow(2).mean()


torch.manual_seed(0)
meta = Meta()
for _ in range(6):
    x = torch.randn(8, 1)
    meta.optimizer.zero_grad()
    meta.loss(x, 2 * x).backward()
    meta.optimizer.step()
