import torch
import torch.nn as nn
import torch.nn.functional as F
torch.manual_seed(11)
model = nn.Sequential(nn.Flatten(), nn.Linear(16, 10))
model.eval()
image, label = torch.rand(1, 1, 4, 4), torch.tensor([3])
def fgsm_attack(image, epsilon, data_grad):
    sign_data_grad = data_grad.sign()
    perturbed_image = image + epsilon*sign_data_grad
    perturbed_image = torch.clamp(perturbed_image, 0, 1)
    return perturbed_image
for eps in [0, .05, .1]:
    image.requires_grad = True
    if image.grad is not None: image.grad = None
    output = F.log_softmax(model(image), dim=1)
    init_pred = output.max(1, keepdim=True)[1]
    loss = F.nll_loss(output, label)
    model.zero_grad()
    loss.backward()
    data_grad = image.grad.data
    perturbed = fgsm_attack(image, eps, data_grad)
    final = model(perturbed).log_softmax(1)
    print("Epsilon: {}\tloss {:.4f} -> {:.4f}".format(eps, loss.item(), F.nll_loss(final, label).item()))
