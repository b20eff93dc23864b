import torch
from torch.distributions import Normal, Bernoulli, Categorical

torch.manual_seed(0)
mu = torch.tensor(1.0, requires_grad=True)
sigma = torch.tensor(0.5, requires_grad=True)
d = Normal(mu, sigma)
z = d.rsample((3,))
z.sum().backward()
print(z, mu.grad, sigma.grad)
print(d.sample().requires_grad, d.log_prob(torch.tensor(0.3)), d.mean, d.entropy())
probs = torch.softmax(torch.tensor([0.1, 0.2, 0.7], requires_grad=True), dim=0)
c = Categorical(probs=probs)
a = c.sample()
print(c.log_prob(a).requires_grad, Bernoulli(torch.tensor(0.3)).log_prob(torch.tensor(1.0)))
