import torch
w = torch.ones(2, requires_grad=True)
@torch.no_grad()
def predict(x):
    return x @ w
print(predict(torch.ones(2)).requires_grad)
@torch.no_grad
def predict2(x):
    return x @ w
print(predict2(torch.ones(2)).requires_grad)
