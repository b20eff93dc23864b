import torch
a = {i: i * i for i in range(5) if i % 2 == 0}
print(a, list(filter(None, [0, 1, [], 2])), list(filter(lambda v: v > 1, a.values())))
x = torch.tensor([1., 2.], requires_grad=True)
print("{0} and {0!r} {1:>6}|{2}".format("a", 2, None), "{name:.2f} {{}} {}".format(3, name=x.sum()))
print("{:d}/{:d} {:5.1f}% lr {:.0e}".format(3, 10, 100 * 3 / 10, 1e-3), "{}".format("{}".format(x)), "{:<8}|".format("ab"))
grads = {k: (v, w) for k, v in zip("ab", x) for w in [1]}
print(grads)
print({k: v.item() for k, (v, _) in grads.items()})
