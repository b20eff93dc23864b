import torch
from torch.autograd import Variable

hidden = Variable(torch.zeros(1, 4))
w = Variable(torch.Tensor([[0.1] * 4] * 4), requires_grad=True)
for i in range(3):
    hidden = Variable(hidden.data)  # break the history
    hidden = torch.tanh(hidden.mm(w) + 1)
    loss = hidden.sum()
    loss.backward()
    print(i, loss.item(), w.grad.data.norm())
