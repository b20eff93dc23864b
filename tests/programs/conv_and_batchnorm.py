import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(
    nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 2)
)
x = torch.randn(3, 1, 4, 4)
model.train()
out = model(x)
out.pow(2).mean().backward()
print(out.shape, model[0].weight.grad.norm())
model.eval()
with torch.no_grad():
    print(model(x).shape, model[1].running_mean)
print(sum(p.numel() for p in model.parameters() if p.requires_grad), len(model))
for layer in model:
    print(layer)
