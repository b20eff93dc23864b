import math
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(1)


class LoRALinear(nn.Module):
    def __init__(self, base, r=4, alpha=8):
        super().__init__()
        self.base = base
        for p in self.base.parameters():
            p.requires_grad_(False)
        self.lora_A = nn.Parameter(torch.empty(r, base.in_features))
        self.lora_B = nn.Parameter(torch.empty(base.out_features, r))
        self.scaling = alpha / r
        self.reset_parameters()

    def reset_parameters(self):
        nn.init.zeros_(self.lora_A)
        nn.init.zeros_(self.lora_B)  #: zero-grad-zero-init model.proj.lora_A

    def forward(self, x):
        return self.base(x) + F.linear(F.linear(x, self.lora_A), self.lora_B) * self.scaling


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.proj = nn.Linear(16, 32)
        self.classifier = nn.Linear(32, 4)

    def forward(self, x):
        return self.classifier(F.gelu(self.proj(x)))


model = Net()
model.proj = LoRALinear(model.proj)

trainable = [p for p in model.parameters() if p.requires_grad]
opt = torch.optim.AdamW(trainable, lr=1e-2, weight_decay=0.01)

x = torch.randn(128, 16)
y = torch.randint(0, 4, (128,))
for step in range(8):
    loss = F.cross_entropy(model(x), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 5 == 0:
        delta = model.proj.lora_B @ model.proj.lora_A
        print(step, round(loss.item(), 4), "delta norm", delta.norm().item())
