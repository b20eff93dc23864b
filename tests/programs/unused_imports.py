from __future__ import annotations
import random
from typing import Any
import numpy as np
import torch

x = torch.ones(1)
print(x)
