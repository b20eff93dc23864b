import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)


class Extractor(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 12, 3, padding=1)
        for p in self.parameters():
            p.requires_grad_(False)

    def forward(self, img):
        x = (img - MEAN) / STD
        f1 = F.softplus(self.conv1(x))
        f2 = F.softplus(self.conv2(F.avg_pool2d(f1, 2)))
        return f1, f2


def gram(f):
    b, c, h, w = f.shape
    f = f.reshape(b, c, h * w)
    return f @ f.transpose(1, 2) / (c * h * w)


def load(path):
    g = torch.Generator().manual_seed(len(path))
    return F.interpolate(torch.rand(1, 3, 8, 8, generator=g), size=16, mode="bilinear")


def prepare(img):
    return (img - MEAN) / STD


def transfer(extractor, content, style, steps=9, style_weight=50.0):
    with torch.no_grad():
        content_feat = extractor(content)[1]
        style_grams = [gram(f) for f in extractor(style)]
    canvas = prepare(content).clone().requires_grad_(True)
    opt = torch.optim.Adam([canvas], lr=0.02)
    for step in range(steps):
        img = canvas.clamp(0, 1)  #: partly-clamped canvas
        f1, f2 = extractor(img)
        loss = F.mse_loss(f2, content_feat)
        for f, g in zip((f1, f2), style_grams):
            loss = loss + style_weight * F.mse_loss(gram(f), g)
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 8 == 0:
            print(step, loss.item())
    return canvas.detach().clamp(0, 1)


result = transfer(Extractor(), load("boat.jpg"), load("wave-style.jpg"))
print("range", result.min().item(), result.max().item())
