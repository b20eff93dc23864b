import torch
import torch.nn.functional as F
def set_of(items):
    found = []
    for c in items:
        if c not in found: found.append(c)
    return found
words = ["emma", "olivia", "ava"]
chars = sorted(set_of(c for w in words for c in w))
stoi = {s: i + 1 for i, s in enumerate(chars)}
stoi['.'] = 0
xs, ys = [], []
for w in words:
    chs = ['.'] + list(w) + ['.']
    for ch1, ch2 in zip(chs, chs[1:]):
        xs.append(stoi[ch1])
        ys.append(stoi[ch2])
xs, ys = torch.tensor(xs), torch.tensor(ys)
n = len(stoi)
W = torch.zeros((n, n), requires_grad=True)
for k in range(3):
    logits = F.one_hot(xs, num_classes=n).float() @ W
    counts = logits.exp()
    probs = counts / counts.sum(1, keepdims=True)
    loss = -probs[torch.arange(xs.nelement()), ys].log().mean() + 0.01 * (W**2).mean()
    print(loss.item())
    W.grad = None
    loss.backward()
    W.data += -50 * W.grad
