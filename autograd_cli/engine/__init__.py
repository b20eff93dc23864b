"""Program + inputs + mode → Trace. The only package that imports torch.

`files` reads what can be read without torch, so that a bad file costs no torch import; `run` does the rest.
"""
