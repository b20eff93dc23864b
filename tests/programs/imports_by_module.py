import torch
from torch.distributions.normal import Normal
from torch.nn.modules.linear import Linear as Dense
from torch.nn.parameter import Parameter
from torch.optim.sgd import SGD

torch.manual_seed(3)
layer = Dense(2, 1)
shift = Parameter(torch.zeros(1))
optimizer = SGD([*layer.parameters(), shift], lr=0.1)
loss = -Normal(layer(torch.ones(1, 2)) + shift, 1.0).log_prob(torch.tensor(2.0)).mean()
loss.backward()
optimizer.step()
print(loss, shift)
