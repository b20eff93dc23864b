import torch
a = torch.tensor([0b1010, 0x0F, 7])
print(a & 3, a | 8, a ^ a, ~a, a << 1, a >> 1, -a // 4, a % 4)
print(1_000_000, 1e-5, 2.0e10, 10 ** 20, -7 // 2, 0.1 + 0.2, 5 / 2, 1e16, 123456789.123)
print(True and "yes" or "no", not 0, None is None, 3 in [1, 2, 3], "b" in "abc", 1 if [] else 2)
print((1,), [], (), {}, [1, [2, (3,)]], {"a": [1]}, 'it\'s', "say \"hi\"", ['it\'s', "\n"])
