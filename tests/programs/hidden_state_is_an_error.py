import torch
from torch.autograd import Variable

hidden = Variable(torch.zeros(1, 4))
w = Variable(torch.randn(4, 4), requires_grad=True)
for i in range(3):
    hidden = torch.tanh(hidden.mm(w) + 1)
    loss = hidden.sum()
    print(i, loss.data)
    loss.backward()
