import torch
def dice(pred, gt, smooth = 1.):
	p = torch.sigmoid(pred).contiguous().view(-1)
	g = gt.contiguous().view(-1)
	inter = (p * g).sum()
	return 1 - (2. * inter + smooth) / (p.sum() + g.sum() + smooth)

pred = torch.zeros(1, 1, 4, 4, requires_grad=True)
gt = torch.zeros(1, 1, 4, 4)
gt[:, :, 1:3, 1:3] = 1
l = dice(pred, gt)
l.backward()
print(l, pred.grad[0, 0, 1:3, 1:3].mean().item() < 0 < pred.grad[0, 0, 0, 0].item())
