import torch

x = torch.tensor([[1.5, -2.0], [float("nan"), float("inf")]])
print(x, x.shape, x.dtype, x.size(0), sep=" | ", end=" end\n")
y = torch.ones(2, requires_grad=True) * 2
print(y)
print("y:", y.sum(), [1, 2.5, "a", None, True], (1,), {"k": x.sum()})
print(f"{y[0]:.2f} {3:>5d}|{'s':<4}|{1e-3:.1e} {y.shape!r} {1234567:,} {0.25:.1%}")
print("%d items, loss %.3f (%s)" % (3, 0.12345, "ok"), "100%%" % ())
print("-" * 10 + "=")
print()
print(torch.tensor([1, 2]).tolist(), x[0].tolist(), torch.tensor(2.5).item())
print(str(3) + "a", len("abc"), "abc"[1:], 7 // 2, -7 % 3, 2**-1, True + 1, not [])
