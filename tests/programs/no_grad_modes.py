import torch

x = torch.ones(2, requires_grad=True)
with torch.no_grad():
    a = x * 2
    with torch.enable_grad():
        b = x * 3
with torch.set_grad_enabled(False):
    c = x * 4
with torch.inference_mode():
    d = x * 5
print(a.requires_grad, b.requires_grad, c.requires_grad, d.requires_grad, torch.is_grad_enabled())
torch.set_grad_enabled(False)
e = x * 6
torch.set_grad_enabled(True)
f = x * 7
print(e.requires_grad, f.requires_grad)


@torch.no_grad()
def evaluate(t):
    return t * 2


print(evaluate(x).requires_grad)
flag = True
with torch.no_grad(), torch.set_grad_enabled(flag):
    print((x * 2).requires_grad)
