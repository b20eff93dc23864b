import torch
torch.manual_seed(0)
A, B = torch.randn(2, 3, 4, requires_grad=True), torch.randn(2, 4, 5)
eqs = {
    'bij,bjk->bik': torch.bmm(A, B),
    'bij,bij->b': (A * A).sum((1, 2)),
    'bij->bji': A.transpose(1, 2),
}
for eq, expected in eqs.items():
    n = eq.count(',') if False else len(eq)
    args = (A, B) if eq == 'bij,bjk->bik' else (A, A) if ',' in eq else (A,)
    got = torch.einsum(eq, *args)
    print(eq, torch.allclose(got, expected, atol=1e-6))
torch.einsum('bij,bjk->', A, B).backward()
print(A.grad.shape, torch.allclose(A.grad, B.sum(-1)[:, None, :].expand_as(A), atol=1e-6))
