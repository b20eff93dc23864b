import torch


class Gated(torch.autograd.Function):
    @staticmethod
    def forward(ctx, signal, gate):
        ctx.save_for_backward(signal, gate)
        return signal * torch.sigmoid(gate)

    @staticmethod
    def backward(ctx, grad):
        with torch.enable_grad():
            signal, gate = (each.detach().requires_grad_() for each in ctx.saved_tensors)
            again = signal * torch.sigmoid(gate)
        return torch.autograd.grad(again, (signal, gate), grad)


signal = torch.tensor([0.5, -1.5], requires_grad=True)
gate = torch.tensor([0.1, 0.2], requires_grad=True)
Gated.apply(signal, gate).pow(2).sum().backward()
print(signal.grad, gate.grad)
