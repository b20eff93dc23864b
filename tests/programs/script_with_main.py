"""A script as people keep it in a file."""
import torch


def train(steps=3, lr=0.1):
    w = torch.tensor([1.0, -1.0], requires_grad=True)
    for step in range(steps):
        loss = (w**2).sum()
        loss.backward()
        with torch.no_grad():
            w -= lr * w.grad
            w.grad.zero_()
        print(f"{step=}" if False else f"step {step}", loss.item())
    return w


if __name__ == "__main__":
    print(train())
