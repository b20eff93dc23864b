import torch, math
max_len, d_model = 6, 4
pe = torch.zeros(max_len, d_model)
position = torch.arange(0, max_len).unsqueeze(1)
div_term = torch.exp(torch.arange(0, d_model, 2) * -(math.log(10000.0) / d_model))
pe[:, 0::2] = torch.sin(position * div_term)
pe[:, 1::2] = torch.cos(position * div_term)
pe = pe.unsqueeze(0)
emb = torch.nn.Embedding(10, d_model)
tokens = torch.LongTensor([[1, 2, 4, 5], [4, 3, 2, 9]])
x = emb(tokens) * math.sqrt(d_model) + pe[:, : tokens.size(1)].requires_grad_(False)
x.sum().backward()
print(emb.weight.grad[:, 0])
print(pe[0])
