import torch
import argparse

def train(steps, lr=0.1, *, verbose=False):
    w = torch.zeros(1, requires_grad=True)
    for _ in range(steps):
        loss = (w - 3).pow(2).sum()
        loss.backward()
        with torch.no_grad():
            w.add_(w.grad, alpha=-lr)
        w.grad = None
        if verbose:
            print(loss.item())
    return w

def main():
    w = train(5, verbose=True)
    print("w =", w.item())

if __name__ == '__main__':
    main()
