import torch

x = torch.tensor([1.0, 2.0], requires_grad=True)
y = x * 2
try:
    y.backward()
except RuntimeError as e:
    print("error:", e)
finally:
    print("done")
try:
    if x.sum() > 100:
        never = 1
    print(never)
except (NameError, ValueError):
    print("no such name")
try:
    z = x + torch.ones(3)
except Exception as e:
    print(e)
else:
    print("not reached")
