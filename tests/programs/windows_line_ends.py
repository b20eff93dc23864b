# saved with Notepad   
import torch 

x = torch.tensor([1.0, 2.0], requires_grad=True)   
if True:
    y = (x ** 2).sum()  	

    y.backward()

print(x.grad)  

