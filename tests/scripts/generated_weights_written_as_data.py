import torch
from torch import nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

torch.manual_seed(0)


class HyperNet(nn.Module):
    def __init__(self, count):
        super().__init__()
        self.emit = nn.Linear(2, count)

    def forward(self, task):
        return self.emit(task)


def predict(hyper, main, task, x):
    weights = hyper(task)
    vector_to_parameters(weights, main.parameters())  #: not-in-graph hyper.emit.weight
    return main(x)


main = nn.Linear(1, 3)
hyper = HyperNet(parameters_to_vector(main.parameters()).numel())
optimizer = torch.optim.Adam(hyper.parameters())
for _ in range(9):
    loss = (predict(hyper, main, torch.randn(2), torch.randn(4, 1)) - 1).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
