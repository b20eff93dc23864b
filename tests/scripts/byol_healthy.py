import copy

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)


def projector(d_in, hidden, d_out):
    return nn.Sequential(
        nn.Linear(d_in, hidden, bias=False),
        nn.BatchNorm1d(hidden),
        nn.ReLU(inplace=True),
        nn.Linear(hidden, d_out, bias=False),
    )


class BYOL(nn.Module):
    def __init__(self, d_in=16, d_feat=32, d_proj=16, momentum=0.97):
        super().__init__()
        encoder = nn.Sequential(nn.Linear(d_in, 48), nn.ReLU(inplace=True), nn.Linear(48, d_feat), nn.ReLU(inplace=True))
        self.online = nn.Sequential(encoder, projector(d_feat, 48, d_proj))
        self.predictor = projector(d_proj, 48, d_proj)
        self.target = copy.deepcopy(self.online)
        for p in self.target.parameters():
            p.requires_grad = False
        self.momentum = momentum

    @torch.no_grad()
    def update_target(self):
        for p, t in zip(self.online.parameters(), self.target.parameters()):
            t.data.mul_(self.momentum).add_(p.data, alpha=1 - self.momentum)
        for b, t in zip(self.online.buffers(), self.target.buffers()):
            t.copy_(b)

    def half_loss(self, v1, v2):
        p = F.normalize(self.predictor(self.online(v1)), dim=1)
        with torch.no_grad():
            z = F.normalize(self.target(v2), dim=1)
        return 2 - 2 * (p * z).sum(1).mean()

    def forward(self, v1, v2):
        return self.half_loss(v1, v2) + self.half_loss(v2, v1)


def augment(x):
    keep = (torch.rand_like(x) > 0.1).float()
    return x * keep + 0.1 * torch.randn_like(x)


def main():
    protos = torch.randn(6, 16) * 2
    model = BYOL()
    trainable = [p for p in model.parameters() if p.requires_grad]
    opt = torch.optim.SGD(trainable, lr=0.05, momentum=0.9, weight_decay=1e-4)
    for step in range(3):
        x = protos[torch.randint(0, 6, (64,))] + 0.3 * torch.randn(64, 16)
        loss = model(augment(x), augment(x))
        opt.zero_grad()
        loss.backward()
        opt.step()
        model.update_target()
        if step % 20 == 19:
            with torch.no_grad():
                spread = F.normalize(model.online(x), dim=1).std(0).mean().item()
            print(f"step {step + 1} loss {loss.item():.4f} feature std {spread:.3f}")


main()
