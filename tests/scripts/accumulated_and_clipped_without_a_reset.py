import math
import torch
from torch import nn


class LM(nn.Module):
    def __init__(self, vocab=20, d=16):
        super().__init__()
        self.emb = nn.Embedding(vocab, d, padding_idx=0)
        self.rnn = nn.GRU(d, d, batch_first=True)
        self.out = nn.Linear(d, vocab, bias=False)
        self.out.weight = self.emb.weight

    def forward(self, x, h=None):
        y, h = self.rnn(self.emb(x), h)
        return self.out(y), h


class Trainer:
    def __init__(self, model, lr=1e-2, accumulate=4):
        self.model, self.accumulate = model, accumulate
        self.opt = torch.optim.AdamW(model.parameters(), lr=lr)
        self.sched = torch.optim.lr_scheduler.LambdaLR(self.opt, lambda s: min(1.0, (s + 1) / 50))
        self.norms = []
        model.out.weight.register_hook(lambda g: self.norms.append(g.norm().item()))

    def fit(self, steps):
        h = None
        for step in range(steps):
            x = torch.randint(1, 20, (4, 9))
            logits, h = self.model(x[:, :-1], h)
            h = h.detach()
            loss = nn.functional.cross_entropy(logits.flatten(0, 1), x[:, 1:].flatten())
            loss.backward()  #: grad-accumulated model.emb.weight
            if (step + 1) % self.accumulate == 0:
                nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
                self.opt.step()
                self.sched.step()
        return loss.item()


def main():
    torch.manual_seed(0)
    print(f"{Trainer(LM()).fit(40):.3f}")


if __name__ == "__main__":
    main()
