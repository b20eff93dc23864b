"""Programs from strangers: nothing reaches out, nothing runs away, nothing stays behind, and look-alikes work.

A table holds one program a line; ⏎ stands for the end of a line of the program.
"""

from __future__ import annotations

import os
import re
import sys
import sysconfig
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from autograd_cli import Report, explore
from autograd_cli.diagnostic import Status
from autograd_cli.limits import Limits
from autograd_cli.render.escape import visible
from autograd_cli.render.formats.json_text import json_object
from autograd_cli.render.formats.picture import plain_text
from autograd_cli.render.look import Look
from autograd_cli.render.parts.diagnostics import diagnostic_block
from conftest import VALIDATOR, Agx

LITTLE = Limits(steps=20_000, elements=1_000_000, sequence=5_000, output=5_000)


def programs(table: str) -> list[str]:
    return [line.strip().replace(" ⏎ ", "\n").replace(" ⏎", "\n") for line in table.splitlines() if line.strip()]


def inputs_of(program: str) -> dict[str, object]:
    return {"x": [1.0, 2.0]} if re.search(r"\bx\b", program) else {}


def check(report: Report) -> None:
    """What every Report owes: valid JSON, diagnostics that can be drawn, a page of visible characters."""
    VALIDATOR.validate(json_object(report))
    for found in report.diagnostics:
        block = diagnostic_block(found, report, 80)
        assert all(visible(line) == line for line in str(block).split("\n"))
    page = plain_text(report, Look())
    assert all(visible(line) == line for line in page.split("\n"))


# What Python itself reports to an audit hook while a program runs: files, processes, sockets, the environment, pickles.

_WATCHED = ("os.", "subprocess.", "socket.", "pickle.", "ctypes.", "shutil.", "pty.", "ftplib.", "urllib.", "mmap.")
_ROOTS = (
    sysconfig.get_path("stdlib"),
    sysconfig.get_path("purelib"),
    sysconfig.get_path("platlib"),
    str(Path(__file__).parents[1]),
    *[path for path in sys.path if path.endswith(".zip")],  # where Python looks for its library first
)
_LIBRARIES = tuple(os.path.realpath(root) for root in _ROOTS)
_seen: list[str] | None = None


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _seen is None or event in {"os.listdir", "os.scandir"}:
        return
    if event.startswith(_WATCHED) or (
        event == "open"
        and not (
            isinstance(arguments[0], str)
            and os.path.realpath(arguments[0]).startswith(_LIBRARIES)
            and arguments[1] in {"r", "rb", None}
        )
    ):
        _seen.append(f"{event} {arguments!r}")


sys.addaudithook(_audit)


def explored(program: str, limits: Limits = LITTLE) -> Report:
    """The Report of a program, which made Python open, run, connect to or change nothing outside."""
    global _seen  # noqa: PLW0603 - an audit hook cannot be taken away: it is told when to look
    found = _seen = []
    try:
        report = explore(program, inputs=inputs_of(program), limits=limits)
    finally:
        _seen = None
    assert found == []
    check(report)
    return report


@pytest.fixture(scope="module", autouse=True)
def _what_torch_imports_late() -> None:
    explore("torch.optim.SGD([x], lr=0.1); x.sum().backward()", x=[1.0])


# What is refused before anything runs.

REFUSED = {
    "dunder attributes": """
        ().__class__
        ().__class__.__bases__[0].__subclasses__()
        "".__class__.__mro__[1].__subclasses__()
        [].__class__.__base__
        {}.__class__
        (1).__class__
        1.0.__class__
        True.__class__
        None.__class__
        (...).__class__
        x.__class__
        x.__class__.__init__.__globals__
        x.__dict__
        x.__module__
        x.__reduce__()
        x.__reduce_ex__(2)
        x.__setstate__(1)
        x.__array__()
        x.__cuda_array_interface__
        x.__dlpack__()
        x.__torch_function__
        x.__torch_dispatch__
        x.__doc__
        x.__init__
        x.__getattribute__('data')
        x.__deepcopy__({})
        x.sum.__self__
        x.sum.__func__
        x.sum().__class__
        (x + 1).__class__
        x[0].__class__
        x.T.__class__
        x.grad_fn.__class__
        x.shape.__class__
        x.dtype.__class__
        x.device.__class__
        torch.__dict__
        torch.__builtins__
        torch.__loader__
        torch.__spec__.loader
        torch.nn.__dict__
        torch.sin.__self__
        math.__loader__
        F.__builtins__
        nn.Linear(1, 1).__class__
        nn.Linear(1, 1).__dict__
        nn.Linear(1, 1).weight.__class__
        [y for y in x].__class__
        (y for y in x).gi_frame
        (y for y in x).gi_frame.f_globals
        (y for y in x).gi_code
        (y for y in x).gi_yieldfrom
        y = x ⏎ y.__class__
        y = x ⏎ y.__class__ = int
        y = x ⏎ y.__dict__['a'] = 1
        x.__class__ = int
        x.__dict__ = {}
        del x.__class__
        f'{x.__class__}'
        f'{x.__class__.__init__.__globals__}'
        f'{x:{x.__class__}}'
        f"{().__class__.__base__}"
        f'{(lambda: x).__globals__}'
        print(x.__class__)
        [x.__class__ for y in x]
        lambda: x.__class__
        def f(): return x.__class__ ⏎ f()
        def f(y=x.__class__): return y ⏎ f()
        if x.__class__: pass ⏎ x
        with torch.no_grad(): x.__class__
        for y in x.__class__: pass ⏎ x
        x if x.__class__ else x
        x[x.__class__]
        x[:x.__class__]
        torch.sin(x.__class__)
        torch.sin(input=x.__class__)
        assert x.__class__ ⏎ x
        assert x, x.__class__
        (lambda y=x.__class__: y)()
        not x.__class__
        -x.__class__
        {'a': x.__class__}
        {x.__class__: 1}
    """,
    "functions, frames and exceptions": """
        (lambda: 0).__globals__
        (lambda: 0).__code__
        (lambda: 0).__closure__
        (lambda: 0).__defaults__
        (lambda: 0).__call__()
        def f(): pass ⏎ f.__globals__
        def f(): pass ⏎ f.__code__
        def f(): pass ⏎ f.__code__ = 1
        def f(): pass ⏎ f.__get__(x)
        def f(): pass ⏎ f.func_globals
        f = torch.sin ⏎ f.__self__
        f = torch.sin ⏎ f.__globals__
        try: x / 'a' ⏎ except Exception as e: e.__traceback__
        try: x / 'a' ⏎ except Exception as e: e.__traceback__.tb_frame.f_globals
        try: x / 'a' ⏎ except Exception as e: e.tb_frame
        try: x / 'a' ⏎ except Exception as e: e.with_traceback(x)
        try: x / 'a' ⏎ except Exception as e: e.__context__
        try: x / 'a' ⏎ except Exception as e: e.args
        try: x / 'a' ⏎ except Exception as e: e.__class__
        try: x ⏎ except BaseException: x
        try: x ⏎ except SystemExit: x
        try: x ⏎ except KeyboardInterrupt: x
        try: x ⏎ except GeneratorExit: x
        try: x ⏎ except MemoryError: x
        try: x ⏎ except RecursionError: x
        try: x ⏎ except x: x
        try: x ⏎ except (ValueError, SystemExit): x
        try: x ⏎ except* ValueError: x
        try: x ⏎ except torch.OutOfMemoryError: x
        raise SystemExit
        raise x
        def f(): yield x ⏎ f()
        def f(): yield from x ⏎ f()
        async def f(): await x ⏎ f()
        (yield x)
        await x
        def f(**k): return k ⏎ f(a=x)
        @staticmethod ⏎ def f(): return x ⏎ f()
        @torch.jit.script ⏎ def f(): return x ⏎ f()
        @torch.compile ⏎ def f(): return x ⏎ f()
        @print ⏎ def f(): return x ⏎ f()
        @(lambda g: g) ⏎ def f(): return x ⏎ f()
        @x ⏎ def f(): return x ⏎ f()
        class A: pass ⏎ x
        class A(torch.nn.Module): pass ⏎ A()(x)
        class A(metaclass=type): pass ⏎ x
        global x ⏎ x
        def f(): ⏎  global os ⏎  return x ⏎ f()
        def f(): ⏎  nonlocal x ⏎  return x ⏎ f()
        match x: ⏎  case torch.Tensor(): x
        match x: ⏎  case {'__class__': y}: x
        with x: x
        with open('f') as f: x
        with torch.autograd.profiler.profile(): x
        with torch.no_grad() as g: x
        with torch.device('meta'): x
        with torch.random.fork_rng(): x
        with torch.autograd.graph.saved_tensors_hooks(x, x): x
        (y := x)
        print(y := x)
        [y := 1, x]
        {**x}
        torch.sin(**x)
        torch.sin(**{'input': x})
        {x for x in x}
        {x for y in x}
        {**y for y in x}
        {x, x}
        b'x' ⏎ x
        x.sum(*x, **x)
        del x[0]
        del x.data
        del x.grad
        return x
        break
        continue
        *x
        x = yield
    """,
    "Python's own functions": """
        __import__('os')
        __import__('os').system('id')
        __builtins__
        __builtins__['eval']
        __builtins__.eval('1')
        __loader__
        __spec__
        __file__
        __debug__
        __doc__
        __name__.__class__
        __build_class__(x)
        eval('1')
        exec('1')
        compile('1', '', 'eval')
        open('/etc/passwd')
        open('/etc/passwd').read()
        input()
        getattr(x, 'data')
        setattr(x, 'data', x)
        delattr(x, 'data')
        hasattr(x, 'data')
        vars(x)
        dir(x)
        dir()
        globals()
        locals()
        type(x)
        type('A', (), {})
        type(x).__mro__
        object()
        super()
        isinstance(x, int)
        issubclass(x, x)
        callable(x)
        classmethod(x)
        property(x)
        memoryview(x)
        bytearray(10)
        bytes(10)
        chr(27)
        ord('a')
        id(x)
        hash(x)
        help(x)
        breakpoint()
        exit()
        quit()
        next(x)
        iter(x)
        format(x, '')
        repr(x)
        ascii(x)
        os.system('id')
        os
        sys.exit()
        sys.modules['os']
        subprocess.run('id')
        builtins.eval('1')
        importlib.import_module('os')
        copyright()
        license()
        credits()
        SystemExit()
        Exception()
        f'{open("/etc/passwd")}'
        f'{__import__("os")}'
        [open for y in x]
        (lambda: open('f'))()
        print(open)
        map(open, ['f'])
        map(eval, ['1'])
        map(getattr, [x], ['data'])
        sorted([x], key=eval)
        map(__import__, ['os'])
        max([x], key=open)
    """,
    "strings have no methods": """
        '{x[0]}'.format(x=x)
        '{x.data}'.format(x=x)
        '{0[0]}'.format(x)
        '{:{}}'.format(x, 9)
        '{!x}'.format(x)
        '{} {0}'.format(x, x)
        '{'.format(x)
        '{0}{1}'.format(x)
        '{a}'.format(**{'a': x})
        '{}'.format(*[x])
        '{0.__class__}{0}'.format(x)
        '{__class__}'.format(x)
        '{}'.format
        '{}'.format(x.__class__)
        '{0.__class__}'.format(x)
        '{x.__class__}'.format_map({'x': x})
        f'{x}'.format(x)
        'a'.join([x])
        'a'.encode()
        'a'.upper()
        'a'.__class__
        ''.__doc__
        '%s'.__mod__(x)
        'a'.replace('a', 'b')
        'a'.translate({})
        y = '{0.__class__}' ⏎ y.format(x)
        y = 'a' ⏎ y.encode('utf-8')
    """,
    "imports": """
        import os ⏎ os.y * x
        import sys ⏎ sys.y * x
        import os, torch ⏎ os.y * x
        import torch, os ⏎ os.y * x
        import os as torch ⏎ torch.y * x
        import os as math ⏎ math.system('id')
        import subprocess as F ⏎ F.run('id')
        import builtins ⏎ builtins.y * x
        import importlib ⏎ importlib.y * x
        import ctypes ⏎ ctypes.y * x
        import pickle ⏎ pickle.y * x
        import socket ⏎ socket.y * x
        import torch.utils ⏎ torch.utils.y * x
        import torch.utils as math ⏎ math.cpp_extension
        import torch.utils.cpp_extension ⏎ torch.utils.cpp_extension.y * x
        import torch.hub ⏎ torch.hub.y * x
        import torch.jit as nn ⏎ nn.y * x
        import torch._C ⏎ torch._C.y * x
        import torch._C as F ⏎ F.y * x
        import torch.ops ⏎ torch.ops.y * x
        import torch.os ⏎ torch.os.y * x
        import torch.serialization ⏎ torch.serialization.y * x
        import torch.distributed ⏎ torch.distributed.y * x
        import torch.multiprocessing ⏎ torch.multiprocessing.y * x
        import torch.package ⏎ torch.package.y * x
        import torch.__init__ ⏎ torch.__init__.y * x
        import torch.nn.modules ⏎ torch.nn.modules.y * x
        import torch..nn ⏎ x
        import .torch ⏎ x
        import math.os ⏎ math.os.y * x
        import __main__ ⏎ __main__.y * x
        import autograd_cli ⏎ autograd_cli.y * x
        from os import system ⏎ system.y * x
        from os import system as sin ⏎ sin(x)
        from os import * ⏎ x
        from torch import load ⏎ load.y * x
        from torch import load as sin ⏎ sin(x)
        from torch import save as cos ⏎ cos(x)
        from torch import hub as nn ⏎ nn.load('f')
        from torch import ops ⏎ ops.y * x
        from torch import _C ⏎ _C.y * x
        from torch import utils ⏎ utils.y * x
        from torch import jit ⏎ jit.y * x
        from torch import os ⏎ os.y * x
        from torch import sys as math ⏎ math.y * x
        from torch import __builtins__ ⏎ __builtins__.y * x
        from torch import serialization ⏎ serialization.y * x
        from torch.nn import modules ⏎ modules.y * x
        from torch.nn import Module ⏎ Module()(x)
        from torch.nn import Module as sin ⏎ sin(x)
        from torch.utils import data ⏎ data.DataLoader(x)
        from torch.utils.data import DataLoader ⏎ DataLoader(x)
        from torch.utils.data import DataLoader as torch ⏎ torch.sin(x)
        from torch.autograd import Function ⏎ Function.apply(x)
        from torch.autograd import functional as F ⏎ F.relu(x)
        from torch._C import _jit ⏎ _jit.y * x
        from torch.nn.functional import os ⏎ os.y * x
        from math import os ⏎ os.y * x
        from . import torch ⏎ torch.y * x
        from .torch import sin ⏎ sin.y * x
        from .. import os ⏎ os.y * x
        from builtins import eval as sin ⏎ sin('1')
        from numpy import load as sin ⏎ sin(x)
        from numpy import load as torch ⏎ torch.sin(x)
        from numpy import sin ⏎ map(sin, [x])
        import numpy as np ⏎ np.load('f')
        import numpy as torch ⏎ torch.load('f')
        import random as math ⏎ math.sin(1) * x
        import random as F ⏎ F.relu(x)
        from random import no_grad ⏎ with no_grad(): x
        if False: import os ⏎ os.y * x
        def f(): import os ⏎ os.y * x
        try: import os ⏎ except: pass ⏎ os.y * x
        import torch as __builtins__ ⏎ x
        from torch import sin as __class__ ⏎ x
    """,
    "torch's dangerous functions": """
        torch.load('f')
        torch.save(x, 'f')
        torch.hub.load('a', 'b')
        torch.hub.download_url_to_file('a', 'b')
        torch.ops.load_library('f')
        torch.ops.aten.sin(x)
        torch.classes.load_library('f')
        torch._C._jit_get_all_schemas()
        torch._C
        torch._dynamo.config
        torch._inductor
        torch._utils._rebuild_tensor
        torch._tensor.Tensor
        torch.utils.cpp_extension.load_inline('a', 'b')
        torch.utils.data.DataLoader(x)
        torch.utils.dlpack.to_dlpack(x)
        torch.utils.collect_env.main()
        torch.utils.model_zoo.load_url('u')
        torch.jit.load('f')
        torch.jit.script(x)
        torch.jit.trace(x, x)
        torch.jit.CompilationUnit('def f(): pass')
        torch.compile(x)
        torch.export.load('f')
        torch.fx.symbolic_trace(x)
        torch.package.PackageImporter('f')
        torch.serialization.load('f')
        torch.serialization.add_safe_globals([x])
        torch.from_file('f')
        torch.from_file('f', True, 10)
        torch.from_numpy(x)
        torch.frombuffer(x)
        torch.from_dlpack(x)
        torch.multiprocessing.spawn(x)
        torch.distributed.init_process_group('gloo')
        torch.distributed.rpc.rpc_sync('a', x)
        torch.os.system('id')
        torch.sys.modules
        torch.builtins.eval('1')
        torch.importlib.import_module('os')
        torch.inspect.getsource(x)
        torch.textwrap.dedent('a')
        torch.functools.partial(x)
        torch.math.sin(1)
        torch.nn.modules.module.torch
        torch.nn.functional.torch.load('f')
        torch.nn.init.torch.load('f')
        torch.nn.functional.warnings
        torch.nn.functional._VF
        torch.distributions.torch.load('f')
        torch.distributions.constraints.dependent
        torch.optim.lr_scheduler.LambdaLR(x, x)
        torch.optim.swa_utils.AveragedModel(x)
        torch.optim.Optimizer([x], {})
        torch.nn.Module()
        torch.nn.Module.load_state_dict(x, x)
        torch.nn.utils.prune.l1_unstructured(x)
        torch.nn.utils.parametrize.register_parametrization(x, x, x)
        torch.nn.DataParallel(x)
        torch.nn.parallel.DistributedDataParallel(x)
        torch.Tensor.__class__
        torch.Tensor.sin(x).__class__
        torch.Tensor.data_ptr(x)
        torch.Tensor.apply_(x, x)
        torch.Tensor._make_subclass(x)
        torch.autograd.Function.apply(x)
        torch.autograd.profiler.profile()
        torch.autograd.forward_ad.make_dual(x, x)
        torch.autograd.graph.Node
        torch.cond(x, x, x)
        torch.library.Library('a', 'b')
        torch.overrides.get_ignored_functions()
        torch.random.get_rng_state()
        torch.cuda.set_device(0)
        torch.cuda.memory_summary()
        torch.backends.cudnn.benchmark
        print(torch.backends.mkldnn.set_flags(False)) ⏎ x
        torch.onnx.export(x, x)
        torch.profiler.profile()
        torch.monitor.log_event(x)
        torch.testing.assert_close(x, x)
        torch.storage.UntypedStorage(5)
        torch.UntypedStorage.from_file('f')
        torch.UntypedStorage(5)
        torch.FloatStorage.from_file('f')
        torch.TypedStorage(5)
        torch.Generator()
        torch.Stream()
        torch.Event()
        torch.ScriptObject()
        torch.PyTorchFileReader('f')
        torch.PyTorchFileWriter('f')
        torch.import_ir_module('f')
        torch.parse_ir('f')
        torch.nn.quantized.Linear(1, 1)
        torch.ao.quantization.quantize(x)
        torch.quantize_per_tensor(x, 1., 0, torch.qint8)
        torch.nested.nested_tensor([x])
        torch.sparse_coo_tensor([[0]], [1.])
        torch.sparse.mm(x, x)
        torch.as_strided(x, (9,), (1,))
        torch.empty(3)
        torch.empty_like(x)
        torch.empty_strided((3,), (1,))
        torch.resize_as_(x, x)
        torch._empty_affine_quantized(3)
        torch._foreach_add([x], 1)
        torch._assert(x, 'a')
        torch._debug_only_display_vmap(x)
        torch.segment_reduce.__class__
        F.torch.load('f')
        F.boolean_dispatch(x)
        nn.modules.Linear(1, 1)
        nn.utils.skip_init(x)
        optim.LBFGS([x])
        linalg.torch
        fft.torch
        special.torch
        autograd.torch
        math.__dict__
        torch.F.relu(x)
        torch.nn.functional.nn.Linear(1, 1)
        torch.torch.sin(x)
        torch.nn.nn.Linear(1, 1)
    """,
    "methods of tensors": """
        x.numpy()
        x.data_ptr()
        x.storage()
        x.untyped_storage()
        x.set_(x)
        x.map_(x, x)
        x.map2_(x, x, x)
        x.apply_(lambda y: y)
        x.as_strided((9,), (1,))
        x.as_strided_((9,), (1,))
        x.as_strided_scatter(x, (9,), (1,))
        x.as_subclass(x)
        x.resize_(99)
        x.resize_as_(x)
        x.share_memory_()
        x.pin_memory()
        x.is_shared()
        x.cuda()
        x.xpu()
        x.record_stream(x)
        x.to_sparse()
        x.to_mkldnn()
        x.new_empty(3)
        x.new_empty_strided((3,), (1,))
        x.new(3)
        x.module_load(x)
        x.const_data_ptr()
        x._version
        x._base
        x._backward_hooks
        x._grad_fn
        x._typed_storage()
        x._make_subclass(x)
        x._cdata
        x._is_view()
        x.grad_fn.metadata
        x.grad_fn.register_prehook(x)
        x.grad_fn._saved_self
        x.grad_fn.variable
        x.grad_fn(x)
        x.grad_fn.apply(x)
        (x * 2).grad_fn._raw_saved_self
        x.backward(hooks=x)
        x.dump('f')
        x.tofile('f')
        x.save('f')
        x.ctypes
        x.names
        x.rename('a')
        x.layout
        x.imag.__class__
        x.shape.numel.__self__
        x.dtype.__reduce__()
        x.device.__reduce__()
        x.sum(out=x)
        torch.sin(x, out=x)
        torch.add(x, x, out=x)
        torch.randn(2, generator=x)
        torch.zeros(2, pin_memory=True)
        torch.zeros(2, layout=x)
        torch.zeros(2, names=x)
        torch.zeros(2, memory_format=x)
        torch.sin(x, __class__=x)
        torch.sin(x, self=x)
        torch.sin(x, __globals__=x)
        x.sum(self=x)
        x.sum(__class__=x)
        x.sum(**{'out': x})
        nn.Linear(1, 1, _factory=x)
        nn.TripletMarginWithDistanceLoss(distance_function=x)
        F.triplet_margin_with_distance_loss(x, x, x, distance_function=lambda a, b: a)
        nn.Transformer(8, 2, custom_encoder=x)
        torch.optim.SGD([x], lr=0.1, fused=True)
        torch.optim.Adam([x], capturable=True)
        torch.lobpcg(x, tracker=lambda w: w)
        torch.segment_reduce(x, 'sum', unsafe=True)
    """,
    "methods of modules and optimizers": """
        nn.Linear(1, 1).register_module('a', x)
        nn.Linear(1, 1).register_parameter('a', x)
        nn.Linear(1, 1).register_buffer('a', x)
        nn.Linear(1, 1).add_module('a', x)
        nn.Linear(1, 1).apply(lambda m: m)
        nn.Linear(1, 1)._apply(lambda m: m)
        nn.Linear(1, 1).__call__(x)
        nn.Linear(1, 1).forward.__func__
        nn.Linear(1, 1)._forward_hooks
        nn.Linear(1, 1)._modules
        nn.Linear(1, 1)._parameters
        nn.Linear(1, 1).get_submodule('')
        nn.Linear(1, 1).set_submodule('a', x)
        nn.Linear(1, 1).get_parameter('weight')
        nn.Linear(1, 1).compile()
        nn.Linear(1, 1).to_empty(device='cpu')
        nn.Linear(1, 1).share_memory()
        nn.Linear(1, 1).dump_patches
        nn.Linear(1, 1).T_destination
        nn.Linear(1, 1).call_super_init
        nn.Linear(1, 1).forward = x
        nn.Linear(1, 1).__class__ = x
        nn.Linear(1, 1).training = x
        nn.Linear(1, 1).in_features = 9
        nn.Linear(1, 1).load_state_dict({}, assign=True)
        nn.Sequential().__getitem__(0)
        torch.optim.SGD([x], lr=1.).state
        torch.optim.SGD([x], lr=1.).add_param_group(x)
        torch.optim.SGD([x], lr=1.).register_step_post_hook(x)
        torch.optim.SGD([x], lr=1.).step(closure=lambda: x)
        torch.distributions.Normal(0., 1.).__class__
        torch.distributions.Normal(0., 1.)._param
        torch.distributions.Normal(0., 1.).support
        torch.distributions.Normal(0., 1.).arg_constraints
        torch.distributions.Normal(0., 1.).set_default_validate_args(False)
        torch.distributions.Normal(0., 1.).expand((2,)).__class__
    """,
    "settings": """
        torch.set_default_dtype(torch.float64)
        torch.set_default_tensor_type('torch.DoubleTensor')
        torch.set_default_device('meta')
        print(torch.set_num_threads(1)) ⏎ x
        torch.set_num_interop_threads(1)
        print(torch.set_printoptions(threshold=10**9)) ⏎ x
        print(torch.set_printoptions(precision=1)) ⏎ x
        torch.set_flush_denormal(True)
        torch.set_rng_state(x)
        torch.seed()
        torch.initial_seed()
        torch.set_deterministic_debug_mode(1)
        torch.use_deterministic_algorithms(True)
        torch.set_float32_matmul_precision('high')
        torch.set_warn_always(True)
        torch.set_autocast_enabled(True)
        torch.set_anomaly_enabled(True)
        torch.set_vital('a', 'b', 'c')
        print(torch.backends.cudnn.enabled) ⏎ x
        print(torch.backends.mkl.verbose) ⏎ x
        print(torch.backends.mkldnn.flags(False)) ⏎ x
        torch.nn.functional.relu = torch.sin ⏎ x
        torch.sin = torch.cos ⏎ x
        torch.pi = 3 ⏎ x
        math.pi = 3 ⏎ x
        F.relu = x
        torch.Tensor.sin = x
        torch.autograd.set_multithreading_enabled(False)
        torch.autograd.profiler.emit_nvtx()
        print(torch.cuda.manual_seed(1)) ⏎ x
        torch.random.manual_seed(1)
        torch.overrides.enable_reentrant_dispatch()
        torch.distributions.Distribution.set_default_validate_args(False)
    """,
    "characters": r"""
        x + о
        ｘ + 1
        ｘ.ｓum()
        x.ｄata
        torch.ｌoad('f')
        ｅval('1')
        ＿＿import＿＿('os')
        x.＿＿class＿＿
        ﬁ + x
        ℯ * x
        ª + x
        ſin(x)
        x² + 1
        x⁰
        x × x
        x ÷ 2
        x − 1
        x ＋ 1
        x ≤ 1
        x → 1
        “x
        x′
        √x
        π·x
        ∑x
        x‿y
        x።
    """,
    "not functions": """
        pi(2) * x
        e(x)
        math.pi(x)
        torch.float32(x)
        long()
        torch.pi()
        math.inf(3)
        2(x)
        'sin'(x)
        x(1)
        None(x)
        True()
        ...(x)
        with pi(): x
    """,
}

RULES = {
    "syntax", "unsupported-syntax", "unsupported-import", "unknown-name", "unknown-attribute", "unknown-keyword",
    "refused-name", "not-a-function", "missing-value",
}  # fmt: skip


@pytest.mark.parametrize(
    "program",
    [pytest.param(each, id=f"{group}: {each!r}") for group, table in REFUSED.items() for each in programs(table)],
)
def test_refused_before_anything_runs(program: str) -> None:
    report = explored(program)
    assert report.traces == ()
    (found,) = report.diagnostics
    assert (report.status, found.rule in RULES) == (Status.BAD_REQUEST, True), found
    assert found.span is not None


@pytest.mark.parametrize(
    "character",
    [
        *"\x00\x01\x07\x08\x1b\x7f\x80\x9b\xad\u061c\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202d\u202e\u2060"
        "\u2066\u2067\u2069\ufeff\ufff9\U000e0001\U000e0041\ud800\udc80\udfff"
    ],
    ids=ascii,
)
@pytest.mark.parametrize("program", ["{}x", "x + '{}'", "x  # {}", "y{} = x\ny{}"])
def test_characters_that_control_or_hide(program: str, character: str) -> None:
    if character in "\xad\u200b\u200c\u200d\u2060\ufeff" and program in {"x + '{}'", "x  # {}"}:
        assert explore(program.replace("{}", character).replace("x + ", "x, "), x=[1.0]).traces  # only hides there
        return
    report = explore(program.replace("{}", character).replace("{{", "{").replace("}}", "}"), x=[1.0])
    check(report)
    assert report.traces == ()
    assert report.diagnostics[0].rule == "syntax"


# What starts, and is refused where it runs, as Python or torch would refuse it.

REFUSED_RUNNING = {
    "names that hide the vocabulary": """
        torch = 1 ⏎ torch.sin(x)
        sin = 3 ⏎ sin(x)
        sin = x ⏎ sin(x)
        F = 1 ⏎ F.sum()
        math = [] ⏎ math.sin(x)
        for torch in [x]: torch.backward(3, 4, 5, 6, 7)
        def torch(): return 1 ⏎ torch.sin(x)
        (lambda torch: torch.relu(1))(2)
        [torch.cos() for torch in ['a']]
        def f(sin): return sin(x) ⏎ f(1)
    """,
    "callbacks": """
        torch.sin(lambda y: y)
        torch.stack([lambda: x])
        torch.where(lambda: x, x, x)
        torch.tensor(lambda: x)
        torch.tensor([torch.sin])
        x.sum(lambda: 1)
        x.sum(dim=lambda: 1)
        x.to(lambda: 1)
        x[lambda: 1]
        x + (lambda: 1)
        x == (lambda: 1)
        x.add_(lambda: 1)
        nn.Sequential(lambda y: y)
        nn.Sequential(torch.sin)
        nn.Transformer(8, 2, 1, 1, activation=lambda y: y)
        nn.TransformerEncoderLayer(8, 2, activation=torch.sin)
        nn.ModuleList([lambda y: y])
        nn.Parameter(lambda: x)
        torch.optim.SGD([x], lr=0.1).step(lambda: x.sum())
        torch.optim.SGD([x], lr=0.1).step(torch.sin)
        torch.optim.SGD(lambda: x, lr=0.1)
        torch.optim.SGD([x], lr=lambda: 1)
        torch.distributions.Normal(lambda: 1, 1.)
        torch.distributions.Normal(0., 1.).sample(lambda: 1)
        torch.einsum(lambda: 1, x)
        torch.autograd.grad(lambda: x, x)
        torch.autograd.backward(lambda: x)
        x.sum().backward(lambda: 1)
        x.sum().backward(inputs=lambda: 1)
        nn.utils.clip_grad_norm_(lambda: [x], 1.)
        nn.init.ones_(lambda: x)
        nn.Linear(1, 1).load_state_dict(lambda: x)
        nn.Linear(1, 1).requires_grad_(lambda: x)
        max([x], key=lambda y: y)
        min(1, 2, key=torch.sin)
        sum([lambda: x])
        float(lambda: 1)
        int(torch.sin)
        range(lambda: 1)
        x.data = lambda: 1
        x.grad = torch.sin
        x[0] = lambda: 1
        torch.set_grad_enabled(lambda: 1)
        with torch.set_grad_enabled(torch.sin): x
        torch.manual_seed(lambda: 1)
        (x * 2).grad_fn.name(lambda: 1)
        assert x.sum() > 9, (lambda: 1)
    """,
    "kinds of value that have no such attribute": """
        'a b'.split()
        'a'.index('a')
        'a'.count('a')
        [].sum()
        {}.sum()
        ().data
        (1).data
        (1).real.weight
        x.append(1)
        x.weight
        x.training
        x.parameters()
        x.log_prob(x)
        x.next_functions
        nn.Linear(1, 1).data
        nn.Linear(1, 1).sum()
        nn.Linear(1, 1).weight.training
        nn.Linear(1, 1).next_functions
        nn.Linear(1, 1).loc
        torch.optim.SGD([x], lr=1.).data
        torch.optim.SGD([x], lr=1.).load_state_dict(x)
        torch.optim.SGD([x], lr=1.).sample()
        torch.distributions.Normal(0., 1.).step()
        torch.distributions.Normal(0., 1.).weight
        torch.device('cpu').data
        y = torch.float32 ⏎ y.data
        y = torch.sin ⏎ y.data
        (lambda: x).data
        (lambda: x).weight
        zip(x).data
        range(3).shape
        (x * 2).grad_fn.data
        (x * 2).grad_fn.type
        x.shape.weight
        [x].weight
        nn.Sequential(nn.ReLU()).weight
        nn.Sequential()[0]
        nn.ModuleDict({})['__class__']
        nn.ModuleDict({'forward': nn.ReLU()})
        nn.ModuleDict({'a.b': nn.ReLU()})
        nn.ModuleList([])['0']
        nn.Linear(1, 1)[0]
        nn.Linear(1, 1).weight = x
        nn.Linear(1, 1).bias = lambda: 1
        nn.Linear(1, 1).running_mean = x
        def f(): pass ⏎ f.x = x
        x.weight = x
        y = 1 ⏎ y.data = x
        y = [] ⏎ y.grad = x
        y = 'a' ⏎ y[0] = 'b'
        y = () ⏎ y[0] = 1
    """,
    "printing and formatting": """
        f'{x:>9}'
        f'{x.sum():>99999999}'
        f'{1:>999999999}'
        f'{1:.999999999f}'
        f'{1:{10**9}}'
        f"{'a':0{9**9}}"
        f'{1:99999999999999999999999999999999}'
        f'{1:a.b}'
        '%999999999d' % 3
        '%.999999999f' % 3.0
        '%999999999d' % torch.tensor(3)
        '%999999999s' % x
        '%*d' % (999999999, 3)
        '%(a)s' % {'a': 1}
        '%(__class__)s' % x
        '%n' % 1
        '%s %s' % x
        '%s' % (x, x)
        '%c' % 27
        '%d' % 'a'
        '%d' % x
        print(x, sep=[x])
        print(x, end=x)
        print(x, file=x)
        print(x, sep=1)
        print(x, foo=1)
        str(x, 'utf-8', 'strict')
        print(*1)
    """,
    "devices and kinds of tensor": """
        x.to('meta')
        x.to(device='meta')
        x.to(torch.device('meta'))
        torch.zeros(2, device='meta')
        torch.zeros_like(x, device='meta')
        torch.tensor(1., device=torch.device('meta'))
        nn.Linear(2, 2, device='meta')
        nn.Embedding(2, 2, device='meta').weight
        x.to('cuda:99')
        x.to('nowhere')
        torch.device('nowhere')
        torch.device('cpu:' + '9' * 99)
        x.type('os.system')
        x.type('torch.UntypedStorage')
        torch.tensor('abc')
        torch.as_tensor('abc')
        torch.asarray('abc')
        torch.as_tensor(nn.ReLU())
        torch.tensor({'a': x})
        torch.tensor(None)
        torch.tensor([x, 'a'])
        torch.zeros('a')
        torch.zeros(-1)
        torch.zeros(2**63)
        torch.zeros(1, dtype='float32')
        torch.zeros(1, dtype=x)
        x.view(-1, -1)
        x.view(2**62, 2**62)
        x.expand(-5)
        x.reshape(3)
        x.sum(99)
        x.sum('a')
        x.unsqueeze(2**62)
        x[2**70]
        x[99]
        x['a']
        x[None, 'a']
        x[{'a': 1}]
        x[x]
        x[::-1]
        x[::0]
        x[1.5]
    """,
    "Python's own refusals": """
        1 / 0
        1 // 0
        1 % 0
        0 ** -1
        2.0 ** 99999
        10**400 * 1.5
        float(10**400)
        int(float('inf'))
        int('1_000')
        float('١')
        int('9' * 2000)
        float('nan_')
        [][0]
        {}['a']
        {}[[]]
        {[]: 1}
        {x: 1}[1]
        ()[0]
        'a'[9]
        'a' + 1
        'a' * 'a'
        'a' - 'a'
        [1] + (1,)
        [1] * 1.5
        [1] * 'a'
        -'a'
        ~1.5
        1 < 'a'
        1 in 2
        len(1)
        len(range(10**30))
        range('a')
        range(1.5)
        range(1, 2, 0)
        enumerate(1)
        list(1)
        list(enumerate([x], 'a'))
        list(enumerate([x], 1.5))
        list(zip([1], [1, 2], strict=True))
        for y in zip([1], [1, 2], strict=True): pass
        for y in enumerate([x], 'a'): pass
        for y in 3: pass
        for y, z in [1]: pass
        a, b = [1]
        a, b = range(10**2)
        (a, b), c = [1, 2]
        [y for y in 3]
        [a for a, b in [1]]
        it = 0 ⏎ it = map(lambda a: list(it), [1, 2]) ⏎ list(it)
        list(map(1, [x]))
        list(map(lambda: 1, [x]))
        sorted([1, 'a'])
        sorted([x, x])
        sorted(3)
        max([])
        max(1)
        min(x, 'a')
        sum(['a'])
        sum(3)
        sum([[]] * 2000, [])
        round('a')
        round(1, -10**9)
        abs('a')
        all(1)
        [x, x].index(x)
        [x].count(x)
        [1].index(2)
        [].pop()
        [1].pop('a')
        [1].pop(9)
        [1].insert('a', 1)
        [1].append()
        [1].append(1, 2)
        [1].extend(1)
        {}.update(1)
        {}.get()
        {}.get([])
        dict(1)
        dict([1])
        dict([[[], 1]])
        y = [] ⏎ y.append(y)
        y = [[]] ⏎ y[0].append(y)
        y = {} ⏎ y['a'] = y
        y = [1] ⏎ y[0] = y
        y = [] ⏎ z = {'a': y} ⏎ y.append(z)
        y = [1] ⏎ y[5] = 1
        y = [1] ⏎ y['a'] = 1
        y = 1 ⏎ del y ⏎ y
        def f(a): return a ⏎ f()
        def f(a): return a ⏎ f(1, 2)
        def f(a): return a ⏎ f(1, a=2)
        def f(a): return a ⏎ f(b=2)
        def f(a, /): return a ⏎ f(a=1)
        def f(*, a): return a ⏎ f(1)
        y = 2 ⏎ y(1)
        [1](1)
        x[0](1)
        (lambda: 1)()(2)
        assert False
        assert x.sum() > 9, 'é' * 10
        try: 1 / 0 ⏎ except ValueError: x
        try: 1 / 0 ⏎ finally: x
        try: 1 / 0 ⏎ except ZeroDivisionError as e: e + 1
    """,
    "torch's own refusals": """
        x.sum().backward(3)
        x.sum().backward(torch.ones(5))
        torch.autograd.grad(x.sum(), 3)
        torch.autograd.grad(3, x)
        torch.autograd.grad([], [])
        x.grad = torch.ones(5)
        x.grad = 3
        x.data = 3
        x.data = None
        x.requires_grad = 3
        x.detach().long().requires_grad_()
        x.add_(1)
        x.matmul(torch.ones(3))
        torch.cat([x, 1])
        torch.cat([])
        torch.stack(x)
        torch.stack([])
        torch.einsum('i' * 3000, x)
        torch.einsum('ij,jk->ik')
        torch.einsum('...' * 99, x)
        torch.einsum(x, [10**9])
        torch.manual_seed(2**70)
        torch.manual_seed('a')
        torch.linspace(0, 1, -1)
        torch.arange(0, 1, 0)
        torch.arange(0, float('inf'))
        torch.eye(-1)
        torch.randint(5, 1, (2,))
        F.one_hot(torch.tensor([-1]))
        F.conv1d(x, x)
        F.pad(x, (1,))
        F.pad(x, (-9, 0))
        F.embedding(torch.tensor([9]), torch.ones(2, 2))
        F.cross_entropy(torch.ones(1, 2), torch.tensor([7]))
        F.interpolate(x, 3)
        F.gelu(x, approximate='os')
        nn.RNN(1, 1, nonlinearity='os')
        nn.Conv1d(1, 1, 1, padding_mode='os')
        nn.Linear(-1, 1)
        nn.Linear('a', 1)
        nn.Linear(2, 2)(x, x)
        nn.Linear(3, 3)(x)
        nn.Linear(2, 2).load_state_dict({'weight': x})
        nn.Linear(2, 2).load_state_dict([1])
        torch.linalg.inv(torch.zeros(2, 2))
        torch.linalg.cholesky(-torch.eye(2))
        torch.distributions.Normal(0., -1.)
        torch.distributions.Categorical(torch.tensor([-1.]))
        torch.optim.SGD([], lr=0.1)
        torch.optim.SGD(x, lr=0.1)
        torch.optim.SGD([x], lr=-1)
        torch.optim.SGD([x], lr='a')
        torch.optim.SGD([{'params': [x], 'a': 1}, {'params': [x]}], lr=0.1)
    """,
    "functions for torch": """
        from torch.autograd import functional ⏎ functional.jacobian(x, x)
        torch.utils.checkpoint.checkpoint(x)
        torch.utils.checkpoint.checkpoint(lambda y: y, x, use_reentrant=True)
        torch.autograd.functional.jacobian(x, x)
        torch.autograd.gradcheck(x, x)
        torch.func.grad(x)
        torch.func.grad(x)(x)
        torch.func.grad(len)(x)
        torch.vmap(x)
        torch.vmap(print)(x)
        torch.vmap(torch.vmap)(x)
        torch.vmap(list)(x)
        torch.vmap(lambda y: y.item())(x)
        torch.vmap(lambda y: y.tolist())(x)
        torch.vmap(lambda y: torch.vmap(lambda z: z)(y))(x)
        torch.vmap(lambda y: [lambda: y])(x)
        x.grad_fn.register_hook(x)
        x.sum().grad_fn.register_hook(lambda g, h: g)
        layer = nn.Linear(1, 1) ⏎ layer.register_forward_hook(x) ⏎ layer(x)
        layer = nn.Linear(1, 1) ⏎ layer.register_forward_hook(lambda m: m) ⏎ layer(torch.ones(1, 1))
        y = x * 2 ⏎ y.register_hook(lambda g: [g]) ⏎ y.sum().backward()
        y = x * 2 ⏎ y.register_hook(lambda g: g[:1]) ⏎ y.sum().backward()
        torch.ones(1).register_hook(lambda g: g)
    """,
}


@pytest.mark.parametrize(
    "program",
    [
        pytest.param(each, id=f"{group}: {each!r}")
        for group, table in REFUSED_RUNNING.items()
        for each in programs(table)
    ],
)
def test_refused_where_it_runs(program: str) -> None:
    report = explored(program)
    assert report.traces, report.diagnostics
    assert report.status is Status.BAD_NEWS
    assert report.trace.refusal is not None
    assert report.trace.refusal.exception.endswith(("Error", "Exception"))


# What would run away.

LIMITED = {
    "limit-steps": """
        while True: pass
        while True: x
        while 1: y = x
        while x.sum() > 0: y = x * 2
        for i in range(10**9): pass
        for i in range(10**30): pass
        for i in range(10**5): x.data *= 1
        while True: ⏎  try: 1 / 0 ⏎  except: pass
        while True: ⏎  try: 1 / 0 ⏎  except: continue ⏎  finally: pass
        while True: ⏎  try: ⏎   while True: pass ⏎  except: pass
        while True: ⏎  try: ⏎   while True: pass ⏎  except Exception: pass
        while True: ⏎  try: ⏎   while True: pass ⏎  finally: break
        while True: ⏎  try: ⏎   while True: pass ⏎  finally: continue
        def f(): ⏎  try: ⏎   while True: pass ⏎  finally: return x ⏎ f()
        y = [1, 2] ⏎ for a in y: y.append(a) ; y.pop(0) ; y.insert(0, a)
        y = [0] * 200 ⏎ z = [0 for a in y for b in y for c in y if False]
        y = [0] * 4000 ⏎ z = [1 for a in y for b in y if a]
        f = lambda: [f() for i in range(2)] if len(s) < 5000 and not s.append(1) else 0 ⏎ s = [] ⏎ while True: s.clear()
        for a in zip(range(10**9)): pass
        for a in enumerate(range(10**9)): pass
        for a in map(lambda b: b, range(10**9)): pass
        def f(n): return 0 if n == 0 else f(n - 1) + f(n - 1) ⏎ f(40)
        f = lambda n: n if n < 2 else f(n - 1) + f(n - 2) ⏎ f(60)
    """,
    "limit-sequence": """
        list(range(10**9))
        tuple(range(10**30))
        sorted(range(10**9))
        reversed(range(10**9))
        sum(range(10**9))
        sum(range(10**30))
        max(range(10**9))
        any(range(10**9))
        torch.tensor(range(10**9))
        torch.tensor(list(range(10**6)))
        1.5 in range(10**12)
        'a' in range(10**12)
        None not in range(10**30)
        [0] * 10**9
        10**9 * [0]
        (0,) * 10**9
        [0] * torch.tensor(10**9)
        torch.tensor(10**9) * [0]
        (0,) * torch.tensor(10**9)
        y = [0] ⏎ y *= 10**9
        y = [0] ⏎ y *= torch.tensor(10**9)
        y = [0] ⏎ while True: y += y
        y = [0] ⏎ while True: y = y + y
        y = [0] ⏎ while True: y.extend(y)
        y = [0] ⏎ while True: y = [*y, *y]
        y = [0] ⏎ while True: y = (*y, *y)
        y = [0] ⏎ while True: y.append(0)
        y = [0] * 4000 ⏎ print(*y, *y)
        y = [0] * 4000 ⏎ max(*y, *y)
        y = [0] * 4000 ⏎ (lambda *a: 1)(*y, *y)
        y = [0] * 100 ⏎ [1 for a in y for b in y]
        [i for i in range(10**9)]
        any(False for a in range(10**9))
        list(i for i in range(10**9))
        list(zip(range(10**9)))
        list(map(lambda a: a, range(10**9)))
        [*range(10**9)]
        torch.zeros(6000).tolist()
        torch.zeros(6000).unbind()
        list(torch.zeros(6000))
        for a in torch.zeros(6000): pass
        torch.zeros(6000).split(1)
        a, *b = torch.zeros(6000)
        a = [0, 0] ⏎ for i in range(60): a = [a, a] ⏎ print(a)
        a = [x, x] ⏎ for i in range(60): a = [a, a] ⏎ torch.stack(a)
        a = [x, x] ⏎ for i in range(60): a = [a, a] ⏎ a
        a = [x, x] ⏎ for i in range(60): a = (a, a) ⏎ b = [] ⏎ b.append(a)
        a = [0, 0] ⏎ for i in range(60): a = {1: a, 2: a} ⏎ f'{a}'
        a = [0, 0] ⏎ for i in range(60): a = [a, a] ⏎ '%s' % a
        a = [0, 0] ⏎ for i in range(60): a = (a, a) ⏎ {a: 1}
        a = [0, 0] ⏎ for i in range(60): a = (a, a) ⏎ [1][a]
        a = [0, 0] ⏎ for i in range(60): a = (a, a) ⏎ a == a
        a = [0, 0] ⏎ for i in range(60): a = (a, a) ⏎ 1 in a
        a = [0, 0] ⏎ for i in range(60): a = (a, a) ⏎ str(a)
        a = [0, 0] ⏎ for i in range(60): a = (a, a) ⏎ sorted([a, a])
        a = [0, 0] ⏎ for i in range(60): a = (a, a) ⏎ [a].index(a)
        a = [0, 0] ⏎ for i in range(60): a = (a, a) ⏎ assert False, a
        a = [0, 0] ⏎ for i in range(60): a = (a, a) ⏎ torch.tensor(a)
        a = [0] * 5000 ⏎ sum([a] * 5000, [])
        a = [0] * 5000 ⏎ torch.tensor([a] * 5000)
        a = ['a' * 4000] * 5000 ⏎ b = [a] * 5000 ⏎ print(b)
        try: list(range(10**9)) ⏎ except: pass
        try: list(range(10**9)) ⏎ except Exception: pass
        try: [0] * 10**9 ⏎ except Exception as e: x ⏎ finally: x
        for i in range(9): ⏎  try: [0] * 10**9 ⏎  finally: continue
        def f(): ⏎  try: [0] * 10**9 ⏎  finally: return 1 ⏎ f() * x
    """,
    "limit-output": """
        'a' * 10**9
        10**9 * 'a'
        'a' * torch.tensor(10**9)
        y = 'a' ⏎ while True: y += y
        y = 'a' ⏎ while True: y = f'{y}{y}'
        y = 'a' ⏎ while True: y = '%s%s' % (y, y)
        '%999d' * 5000 % ((1,) * 5000)
        '%999d%999d%999d%999d%999d%999d' % (1, 1, 1, 1, 1, 1)
        f'{1:999}{1:999}{1:999}{1:999}{1:999}{1:999}'
        while True: print('a' * 1000)
        while True: print()
        print(*['a' * 4000] * 9)
        print(1, 2, 3, sep='a' * 4000)
        print(1, end='a' * 5001)
        str([1] * 4000)
        str(['a' * 4000] * 9)
        f"{['a' * 4000] * 9}"
        print([['a' * 4000] * 4000])
    """,
    "limit-integer-bits": """
        9**9**9
        9**9**9 * x
        2**10000
        1 << 10000
        1 << 10**30
        y = 9 ⏎ while True: y *= y
        y = 9 ⏎ while True: y **= 2
        y = 9 ⏎ while True: y <<= 9
        y = 1 ⏎ for i in range(9999): y = y * 10
        y = 1 ⏎ for i in range(9999): y += y
        sum([2**4000] * 5000) * 2**4000
        (-2)**10001
        int(1.5e308) ** 9
        0x1{0}
    """.replace("{0}", "0" * 2_000),
    "limit-elements": """
        torch.zeros(1).expand(10**12)
        torch.zeros(2000, 2000)
        torch.ones(1001, 1000)
        x.expand(10**9, 2)
        x.expand(10**6, 2).contiguous()
        x.repeat(10**6)
        x.tile(10**6)
        x.repeat_interleave(10**6)
        torch.arange(2 * 10**6)
        torch.linspace(0, 1, 2 * 10**6)
        torch.logspace(0, 1, 2 * 10**6)
        torch.eye(1001)
        torch.full((1001, 1000), 1.)
        torch.randn(1001, 1000)
        torch.randperm(2 * 10**6)
        torch.tril_indices(2000, 2000)
        torch.outer(torch.ones(2000), torch.ones(2000))
        torch.kron(torch.ones(2000), torch.ones(2000))
        torch.meshgrid(torch.ones(2000), torch.ones(2000))
        torch.cartesian_prod(torch.ones(2000), torch.ones(2000))
        torch.combinations(torch.ones(2000), 2)
        torch.vander(torch.ones(1001), 1000)
        torch.block_diag(torch.ones(999, 999), torch.ones(99, 99))
        torch.diag(torch.ones(2000))
        torch.diag_embed(torch.ones(2000))
        torch.cdist(torch.ones(2000, 1), torch.ones(2000, 1))
        torch.einsum('i,j->ij', torch.ones(2000), torch.ones(2000))
        torch.tensordot(torch.ones(2000), torch.ones(2000), 0)
        torch.ones(2000, 1) + torch.ones(2000)
        torch.ones(2000, 1) @ torch.ones(1, 2000)
        torch.ones(2000, 1) * torch.ones(2000)
        torch.broadcast_to(x, (10**6, 2))
        torch.stack([torch.ones(999, 999)] * 9)
        torch.cat([torch.ones(999, 999)] * 9)
        torch.where(torch.ones(2000, 1) > 0, torch.ones(2000), 0.)
        torch.fft.fft(x, n=2 * 10**6)
        torch.fft.rfft2(torch.ones(2, 2), s=(2000, 2000))
        torch.hann_window(2 * 10**6)
        torch.nonzero_static(x, size=2 * 10**6)
        torch.bincount(torch.tensor([2 * 10**6]))
        torch.histc(x, 2 * 10**6)
        torch.ones(1001).unfold(0, 500, 1).unfold(0, 400, 1)
        F.pad(x, (0, 2 * 10**6))
        F.one_hot(torch.tensor([2 * 10**6]))
        F.interpolate(torch.ones(1, 1, 2), 2 * 10**6)
        F.interpolate(torch.ones(1, 1, 2), scale_factor=10**6)
        F.conv_transpose1d(torch.ones(1, 1, 2), torch.ones(1, 1, 2), stride=2 * 10**6)
        F.fold(torch.ones(1, 4, 1), (1001, 1001), (2, 2), stride=2000)
        nn.Linear(2000, 2000)
        nn.Embedding(2000, 2000)
        nn.LSTM(600, 600)
        nn.Parameter(torch.ones(1001, 1000))
        nn.Upsample(scale_factor=10**6)(torch.ones(1, 1, 2))
        nn.ZeroPad1d(10**6)(torch.ones(1, 1, 2))
        torch.distributions.Normal(0., 1.).sample((2 * 10**6,))
        x.new_zeros(2 * 10**6)
        try: torch.zeros(2000, 2000) ⏎ except: pass
        try: torch.zeros(2000, 2000) ⏎ except RuntimeError: pass
    """,
    "limit-depth": """
        def f(n): return f(n + 1) ⏎ f(1)
        f = lambda n: f(n) ⏎ f(1)
        def f(): return [f() for i in range(2)] ⏎ f()
        def f(): return list(map(lambda a: f(), [1])) ⏎ f()
        f = lambda g: g(g) ⏎ f(f)
        y = x ⏎ for i in range(500): y = [y]
        y = x ⏎ for i in range(500): y = (y,)
        y = x ⏎ for i in range(500): y = {1: y}
        y = x ⏎ for i in range(500): ⏎  z = [] ⏎  z.append(y) ⏎  y = z
        r = [] ⏎ y = r ⏎ for i in range(500): ⏎  z = [] ⏎  y.append(z) ⏎  y = z ⏎ print(r)
        r = [] ⏎ y = r ⏎ for i in range(500): ⏎  z = [] ⏎  y.append(z) ⏎  y = z ⏎ torch.tensor(r)
        r = [] ⏎ y = r ⏎ for i in range(500): ⏎  z = [] ⏎  y.append(z) ⏎  y = z ⏎ r
        r = {} ⏎ y = r ⏎ for i in range(500): ⏎  z = {} ⏎  y[0] = z ⏎  y = z ⏎ f'{r}'
        y = [x] ⏎ for i in range(2000): y = zip(y) ⏎ list(y)
        y = [x] ⏎ for i in range(2000): y = enumerate(y) ⏎ list(y)
        y = [x] ⏎ for i in range(2000): y = map(lambda a: a, y) ⏎ list(y)
        y = [x] ⏎ for i in range(2000): y = map(list, [y]) ⏎ list(y)
        y = [x] ⏎ for i in range(2000): y = map(list, [y]) ⏎ for z in y: pass
        y = nn.ReLU() ⏎ for i in range(500): y = nn.Sequential(y)
        y = nn.ReLU() ⏎ for i in range(500): y = nn.ModuleList([y])
        y = nn.Sequential() ⏎ y.append(y)
        y = nn.ModuleList() ⏎ y.append(y)
        y = nn.Sequential() ⏎ z = nn.Sequential(y) ⏎ y.append(z)
    """,
}


@pytest.mark.parametrize(
    ("program", "rule"),
    [
        pytest.param(each, rule, id=f"{rule}: {each[:60]!r}")
        for rule, table in LIMITED.items()
        for each in programs(table)
    ],
)
def test_a_program_that_would_run_away(program: str, rule: str) -> None:
    report = explored(program, replace(LITTLE, steps=4_000) if rule == "limit-steps" else LITTLE)
    (found,) = report.diagnostics
    assert (report.status, found.rule) == (Status.LIMIT, rule), found
    assert found.fix is not None


# What looks like one of the above and is honest.

HONEST = {
    "words in strings": r"""
        print("import os") ⏎ x
        print("__import__('os').system('id')") ⏎ x
        print('().__class__.__bases__[0].__subclasses__()') ⏎ x
        print("eval(open('/etc/passwd').read())") ⏎ x
        print('torch.load("model.pt")') ⏎ x
        print("rm -rf /") ⏎ x
        print('{0.__class__}') ⏎ x
        print('%s %d %(a)s %n') ⏎ x
        print('{x!r:>{width}}') ⏎ x
        print("\x1b[31mred\x1b[0m") ⏎ x
        print('\u202e\u0007\x9b') ⏎ x
        print('[bold]x[/bold] [/] [link=a]b[/link]') ⏎ x
        print('<script>alert(1)</script> & "') ⏎ x
        print('x²·√÷≤→ “quoted” ｆｕｌｌ ﬁ') ⏎ x
        print("((((((((((((((((((((((((((((((") ⏎ x
        print(f"({x.sum()}) :( :( :(") ⏎ x
        print(f'{"-" * 60}') ⏎ x
        print(f'{x.sum()} DASHES end') ⏎ x
        print(f'{x.sum()} TILDES end') ⏎ x
        print(f'# {x.sum()} # not a comment') ⏎ x
        print(f'{{literal}} {{}} {x.sum()}') ⏎ x
        y = 'class A: pass; global x; yield x; raise x; async def' ⏎ x
        y = 'lambda **k: k' ⏎ x * len(y)
        # import os; eval('1'); x.__class__ ⏎ x
        x  # __import__('os')
        "docstring with import os" ⏎ x
        'a' 'b' 'c' ⏎ x
        r'\d+' ⏎ x
        print('tab\there') ⏎ x
    """.replace("DASHES", "-" * 150).replace("TILDES", "~" * 150),
    "names": """
        os = x ⏎ os * 2
        sys = x ⏎ sys.sum()
        system = x ⏎ system * 2
        eval_loss = x.sum() ⏎ eval_loss
        exec_time = 3 ⏎ exec_time * x
        open_price = x ⏎ open_price.mean()
        class_weights = x ⏎ class_weights / class_weights.sum()
        import_ratio = 2 ⏎ import_ratio * x
        globals_ = 1 ⏎ globals_ * x
        type_ = x ⏎ type_
        input_ = x ⏎ input_
        input = x ⏎ input * 2
        id = 3 ⏎ id * x
        dir = x ⏎ dir.norm()
        hash = x ⏎ hash
        vars = [x] ⏎ vars[0]
        format = 2 ⏎ format * x
        object = x ⏎ object + 1
        next = x ⏎ next * next
        iter = 3 ⏎ x * iter
        type = x ⏎ type
        help = x ⏎ help
        _ = x ⏎ _ * 2
        _x = x ⏎ _x * 2
        x_ = x ⏎ x_ * 2
        _private_ = x ⏎ _private_
        x1, x2 = x ⏎ x1 * x2
        for _ in range(3): y = x ⏎ y
        loader = x ⏎ loader
        subprocess = x ⏎ subprocess
        pickle = x ⏎ pickle
        torchy = x ⏎ torchy
        lambda_ = 0.1 ⏎ lambda_ * x
        λ = 0.1 ⏎ λ * x
        θ = x ⏎ θ.sin()
        naïve = x ⏎ naïve
        变量 = x ⏎ 变量 * 2
        μ = x.mean() ⏎ μ
        e = x ⏎ e * 2
        pi = 3 ⏎ pi * x
        sin = x ⏎ sin * 2
        sin = lambda y: y * 2 ⏎ sin(x)
        def sin(y): return y + 1 ⏎ sin(x)
        def load(y): return y ⏎ load(x)
        def open(y): return y ⏎ open(x)
        def eval(y): return y * 2 ⏎ eval(x)
        def f(torch): return torch.sin() ⏎ f(x)
        (lambda F: F.relu())(x)
        [sin for sin in [x]][0]
        torch = x ⏎ torch.sin()
        nn = x ⏎ nn.sum()
        sum = x.sum() ⏎ sum * 2
        max = x.max() ⏎ max
        list = [x] ⏎ list[0]
        print(__name__) ⏎ x
        if __name__ == '__main__': y = x * 2 ⏎ y
        data = x ⏎ data.data ⏎ x
        grad = x ⏎ grad * 2
        weight = x ⏎ weight * 1
        match = x ⏎ match * 2
        case = x ⏎ case * 2
        span = 2 ⏎ arguments = 3 ⏎ self = x ⏎ self * span * arguments
        d = dict(span=1, arguments=2, self=3, op=x) ⏎ d['op'] * d['self']
    """,
    "settings that are left out": """
        torch.set_num_threads(1) ⏎ x
        torch.set_printoptions(threshold=10**9) ⏎ x
        torch.set_printoptions(precision=1) ⏎ x
        torch.backends.cudnn.enabled = False ⏎ x
        torch.backends.mkl.verbose = 1 ⏎ x
        torch.backends.mkldnn.flags(False) ⏎ x
        torch.cuda.manual_seed(1) ⏎ x
    """,
    "imports that are there": """
        import torch ⏎ torch.sin(x)
        import torch as t ⏎ t.sin(x)
        import torch as F ⏎ F.relu(x)
        import torch.nn.functional as F ⏎ F.relu(x)
        import torch.nn as nn ⏎ nn.ReLU()(x)
        import torch.nn.functional ⏎ torch.nn.functional.relu(x)
        import torch, math ⏎ torch.sin(x) * math.pi
        import math as m ⏎ m.sqrt(2) * x
        from torch import nn, optim ⏎ nn.ReLU()(x)
        from torch import sin as cos ⏎ cos(x)
        from torch import tensor, no_grad ⏎ with no_grad(): y = tensor(2.) ⏎ y * x
        from torch.nn import functional as F ⏎ F.relu(x)
        from torch.nn.functional import relu ⏎ relu(x)
        from torch.nn import Linear as L ⏎ L(2, 1)(x)
        from math import pi, sqrt ⏎ sqrt(pi) * x
        from torch import linalg as la ⏎ la.norm(x)
        from torch.distributions import Normal ⏎ Normal(x, 1.).log_prob(x).sum()
        import numpy as np ⏎ x
        import matplotlib.pyplot as plt ⏎ x
        from typing import List ⏎ x
        from __future__ import annotations ⏎ x
        import torch; x
        import random, time ⏎ x
        try: import torch ⏎ except Exception: pass ⏎ x
        if True: import torch ⏎ torch.sin(x)
        def f(): ⏎  import torch ⏎  return torch.sin(x) ⏎ f()
        import os ⏎ x
        import sys ⏎ x
        import os, torch ⏎ x
        import torch, os ⏎ x
        import os as torch ⏎ x
        import builtins ⏎ x
        import importlib ⏎ x
        import ctypes ⏎ x
        import pickle ⏎ x
        import socket ⏎ x
        import torch.utils ⏎ x
        import torch.utils.cpp_extension ⏎ x
        import torch.hub ⏎ x
        import torch.jit as nn ⏎ x
        import torch._C ⏎ x
        import torch._C as F ⏎ x
        import torch.ops ⏎ x
        import torch.os ⏎ x
        import torch.serialization ⏎ x
        import torch.distributed ⏎ x
        import torch.multiprocessing ⏎ x
        import torch.package ⏎ x
        import torch.__init__ ⏎ x
        import torch.nn.modules ⏎ x
        import math.os ⏎ x
        import __main__ ⏎ x
        import autograd_cli ⏎ x
        from os import system ⏎ x
        from torch import * ⏎ x
        from torch import load ⏎ x
        from torch import ops ⏎ x
        from torch import _C ⏎ x
        from torch import utils ⏎ x
        from torch import jit ⏎ x
        from torch import os ⏎ x
        from torch import sys as math ⏎ x
        from torch import __builtins__ ⏎ x
        from torch import serialization ⏎ x
        from torch.nn import modules ⏎ x
        from torch._C import _jit ⏎ x
        from torch.nn.functional import os ⏎ x
        from math import os ⏎ x
        from . import torch ⏎ x
        from .torch import sin ⏎ x
        from .. import os ⏎ x
        if False: import os ⏎ x
        def f(): import os ⏎ x
        try: import os ⏎ except: pass ⏎ x
    """,
    "syntax": r"""
        (((((((((((((((((((((((((((((((((((((((x)))))))))))))))))))))))))))))))))))))))
        [[[[[[[[[[x]]]]]]]]]][0][0][0][0][0][0][0][0][0][0]
        - - - - - - - - - - x
        not not not not True and x
        x if x.sum() > 0 else -x if x.sum() < 9 else x
        x + x - x * x / x ** x % x + x
        1 < x.sum() < 9 and x
        x[0] + x[-1] + x[:1] + x[..., 0] + x[None].sum()
        x[[0, 1]] + x[torch.tensor([0, 1])]
        x[x > 1].sum()
        (x, x * 2, [x, (x,)])
        {'a': x}['a']
        {'a': x, 1: x, None: x, (1, 2): x}[1, 2]
        [y * z for y in x for z in range(3) if z][0]
        sum(y for y in x)
        sum([y * 2 for y in x])
        (lambda a, b=2, *c, d=3: a * b * d)(x)
        (lambda: (lambda: x)())()
        def f(a, b=2, *c, d=3): return a * b * d ⏎ f(x, 3, 4, d=5)
        def f(n): return x if n == 0 else f(n - 1) ⏎ f(100)
        def f(*a): return a[0] ⏎ f(*[x, x])
        def f(a, /, b, *, c): return a * b * c ⏎ f(x, b=2, c=3)
        def f(g): return g(x) ⏎ f(torch.sin)
        def f(g): return lambda y: g(g(y)) ⏎ f(lambda y: y * 2)(x)
        y = f = x ⏎ y * f
        y: int = 3 ⏎ y * x
        y: torch.Tensor ⏎ x
        y = z = 2; y * z * x
        a, *b = x, 2, 3 ⏎ a * b[0]
        (a, b), c = (x, 2), 3 ⏎ a * b * c
        [a, b] = x ⏎ a * b
        y = x ⏎ y = y + 1 if False else y ⏎ y
        y = 5 ⏎ while y: y -= 1 ⏎ x * y
        y = x ⏎ for i in range(3): ⏎  if i == 1: continue ⏎  y = y * 2 ⏎ y
        for i, (a, b) in enumerate(zip(x, x)): y = a * b ⏎ y
        for k, v in {'a': x}.items(): y = v ⏎ y
        y = 0 ⏎ for i in range(1000): y += i ⏎ x * y
        y = 1 ⏎ for i in range(60): y *= 2 ⏎ x * y
        assert x.sum() > 0, 'positive' ⏎ x
        try: x / 0 ⏎ finally: y = 1 ⏎ x * y
        try: 1 / 0 ⏎ except ZeroDivisionError as e: print(e) ⏎ x
        try: [][0] ⏎ except (KeyError, IndexError): y = 2 ⏎ x * y
        try: x @ torch.ones(3) ⏎ except RuntimeError as e: print('refused', e) ⏎ x
        try: y = 1 ⏎ except: y = 2 ⏎ else: y = 3 ⏎ x * y
        for i in range(3): ⏎  try: continue ⏎  finally: y = i ⏎ x * y
        def f(): ⏎  try: return x ⏎  finally: print('done') ⏎ f()
        while True: ⏎  try: break ⏎  finally: y = 2 ⏎ x * y
        pass ⏎ x
        ... ⏎ x
        if True: ⏎  pass ⏎ x
        if x.sum() > 0: y = x ⏎ elif x.sum() < 0: y = -x ⏎ else: y = 0 * x ⏎ y
        y = 1 ⏎ del y ⏎ x
        del_ = x ⏎ del_
        x; x; x
        (x ⏎ + ⏎ x)
        x \ ⏎ + x
        @torch.no_grad() ⏎ def f(): return 2 ⏎ f() * x
        with torch.no_grad(), torch.enable_grad(): y = x * 2 ⏎ y
        with (torch.enable_grad()): y = x * 2 ⏎ y
        0x1F * x + 0b11 + 0o7 + 1_000 + 1e3 + .5 + 5. + 1j.real
        x * 10**30.0 / 10**18
        (2**100 % 7) * x  # ² × − “fine” in a comment
        torch.zeros(2, dtype=float) + x + torch.ones(1, dtype=int) + x.to(float)
        (1 << 60) * x
    """,
    "formats": """
        print(f'{x}') ⏎ x
        print(f'{x!r}') ⏎ x
        print(f'{x.sum():.3f}') ⏎ x
        print(f'{x.sum().item():>10.2e}|') ⏎ x
        print(f'{3:05d} {255:#x} {255:#b} {1000000:,} {0.5:%}') ⏎ x
        print(f"{'a':>10}|{'b':<10}|{'c':^10}|{'d':*^9}") ⏎ x
        print(f'{x=}') ⏎ x
        print(f'{1:{2}}') ⏎ x
        print(f'{x.shape} {x.dtype} {x.device}') ⏎ x
        print('%d %5.2f %s %%' % (1, 2.0, x)) ⏎ x
        print('%s' % x) ⏎ x
        print('%d' % torch.tensor(3)) ⏎ x
        print('%.2f' % x.sum()) ⏎ x
        print(x, 1, 'a', None, [x], (1,), {'a': 1}, sep=' | ', end='!') ⏎ x
        print(x, flush=True) ⏎ x
        print() ⏎ x
        print(str(x), str(1), str([1])) ⏎ x
        print('-' * 80) ⏎ x
        print('=' * 80, '#' * 80) ⏎ x
        print(nn.Linear(2, 1)) ⏎ x
        print(torch.optim.SGD([x], lr=0.1)) ⏎ x
        print((x * 2).grad_fn) ⏎ x
        print(lambda: 1) ⏎ x
        print(zip([1]), torch.sin) ⏎ x
        print(torch.float32, torch.device('cpu'), x.shape) ⏎ x
        print(True, None, 1e100, float('nan'), -float('inf'), 1j) ⏎ x
        print(len('abc'), 'abc'[1], 'a' in 'abc', 'a' + 'b', 'ab' * 3) ⏎ x
        for c in 'abc': print(c, end='') ⏎ x
        print('{} {:.2f} {!r}'.format(1, x.sum().item(), x)) ⏎ x
        print('{a} {b:>5}'.format(a=x, b='c')) ⏎ x
        print('{0} {0}'.format(1)) ⏎ x
    """,
    "sizes that honest programs have": """
        x.expand(1000, 2).sum()
        torch.ones(500, 500).sum() * x
        torch.arange(10000).sum() * x
        x.repeat(1000).sum()
        [0] * 1000 and x
        y = [x * i for i in range(200)] ⏎ sum(y)
        y = [] ⏎ for i in range(500): y.append(i) ⏎ x * sum(y)
        y = {} ⏎ for i in range(500): y[i] = i ⏎ x * len(y)
        y = x ⏎ for i in range(300): y = y * 1.01 ⏎ y
        y = [[x, x], [x, [x, x]]] ⏎ y[1][1][0]
        y = [1] ⏎ y.extend(y) ⏎ y += y ⏎ x * len(y)
        y = [[1, 2]] * 3 ⏎ torch.tensor(y).sum() * x
        sum([[1], [2], [3]], [])[0] * x
        list(zip(range(3), 'abc', [x, x, x]))[0][2] * x
        list(map(torch.sin, [x, x]))[0]
        list(map(float, ['1', '2']))[0] * x
        list(reversed([1, 2, x]))[0]
        sorted([3, 1, 2], key=lambda a: -a)[0] * x
        max(1, 2) * min([3, 4]) * abs(-5) * round(2.6) * x
        1.5 in range(3) or x
        5 in range(10**12) and x
        range(10**12)[5] * x
        len(range(10**9)) * x
        x * (10**9 in range(10**10))
        nn.Sequential(nn.Sequential(nn.Sequential(nn.Linear(2, 2)))) (x)
        nn.Sequential(*[nn.Linear(2, 2) for i in range(5)])(x)
        w = torch.zeros(4) ⏎ for i in range(200): w[i % 4] += 1 ⏎ w.sum() * x
        w = torch.zeros(3, requires_grad=True) ⏎ F.embedding(torch.tensor([0]), w.view(3, 1), sparse=False).sum()
        m = nn.Embedding(3, 2, sparse=True) ⏎ m(torch.tensor([1, 1])).sum().backward()
        x.gather(0, torch.tensor([0]), sparse_grad=True).sum()
        torch.complex(x.half(), x.half()).abs().sum()
        torch.set_grad_enabled(True) ⏎ x * 2
        torch.manual_seed(0) ⏎ torch.randn(2).sum() * x
        with torch.autograd.set_detect_anomaly(True): y = x * 2 ⏎ y
    """,
}


@pytest.mark.parametrize(
    "program",
    [pytest.param(each, id=f"{group}: {each[:80]!r}") for group, table in HONEST.items() for each in programs(table)],
)
def test_an_honest_look_alike_works(program: str) -> None:
    report = explored(program)
    assert report.status is Status.ANSWER, report.diagnostics
    assert report.trace.refusal is None


def test_no_limit_can_be_caught() -> None:
    for bomb in ("list(range(10**9))", "torch.zeros(2000, 2000)", "'a' * 10**9", "9**9**9"):
        for around in (
            "try: {}\nexcept: pass",
            "try: {}\nexcept Exception as e: print(e)",
            "try: {}\nfinally: print(1)",
        ):
            report = explored(around.format(bomb) + "\nprint('after')")
            assert report.status is Status.LIMIT
            assert report.traces == ()


# What outlives the run.


def _settings() -> dict[str, Any]:
    return {
        "dtype": torch.get_default_dtype(),
        "device": torch.get_default_device(),
        "threads": torch.get_num_threads(),
        "grad": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
        "anomaly": (torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "precision": torch.get_float32_matmul_precision(),
        "autocast": torch.is_autocast_enabled("cpu"),
        "multithreading": torch.autograd.is_multithreading_enabled(),
        "printed": str(torch.tensor([1.123456789, 1e9])),
        "random": torch.get_rng_state().tolist(),
        "recursion": sys.getrecursionlimit(),
        "warnings": list(warnings.filters),
        "validation": torch.distributions.Distribution._validate_args,  # noqa: SLF001 - a setting of the class
        "environment": dict(os.environ),
        "directory": Path.cwd(),
        "functions": (torch.sin, torch.Tensor.sin, torch.nn.functional.relu, torch.load),
    }


@pytest.mark.parametrize(
    "program",
    programs("""
        torch.set_grad_enabled(False) ⏎ x
        torch.autograd.set_grad_enabled(False) ⏎ while True: x
        f = torch.set_grad_enabled ⏎ f(False) ⏎ 1 / 0
        torch.autograd.set_detect_anomaly(True) ⏎ x
        torch.autograd.set_detect_anomaly(True, check_nan=False) ⏎ 1 / 0
        torch.autograd.detect_anomaly(check_nan=False) ⏎ x
        torch.inference_mode() ⏎ x
        torch.no_grad() ⏎ x
        y = torch.inference_mode(True) ⏎ x
        with torch.no_grad(): 1 / 0
        with torch.inference_mode(): ⏎  while True: x
        with torch.set_grad_enabled(False): list(range(10**9))
        def f(): ⏎  with torch.no_grad(): return f() ⏎ f()
        @torch.no_grad() ⏎ def f(): return f() ⏎ f()
        torch.manual_seed(7) ⏎ torch.randn(100)
        torch.randn(3) ⏎ torch.distributions.Normal(0., 1.).sample() ⏎ nn.Dropout()(x)
        torch.distributions.Normal(0., 1., validate_args=False) ⏎ x
        no_grad(1 / 0)
        x.requires_grad_(False) ⏎ x.data.zero_() ⏎ x
        nn.ReLU().eval() ⏎ x
        import torch as os ⏎ x
    """),
)
def test_nothing_stays_behind(program: str) -> None:
    clean = explore("torch.randn(2) * x", x=[1.0, 2.0])
    before = _settings()
    explore(program, inputs=inputs_of(program), limits=LITTLE)
    assert _settings() == before
    again = explore("torch.randn(2) * x", x=[1.0, 2.0])
    assert json_object(again) == json_object(clean)


# What reaches the terminal.


@pytest.mark.parametrize(
    "program",
    programs(r"""
        print('\x1b[31mred\x1b[0m') ⏎ x
        print('\r\x08\x07\x7f\x9b2J') ⏎ x
        print('\u202eabc\u202c\u2066\u2069\u200f') ⏎ x
        print('\U000e0041\ufeff\u2028\u2029\x85') ⏎ x
        print('\ud800\udfff') ⏎ x
        print('\x00') ⏎ x
        print('a', end='\x1b[2J') ⏎ x
        y = '\x1b' ⏎ print(f"{y!r}", '\x1b]0;title\x07') ⏎ x
        print(f'{x}\x1b]8;;http://a\x1b\\') ⏎ x
        print({'\x1b': '\x1b'}, ['\x1b']) ⏎ x
        '\x1b[31m'
        ['\x1b[31m', x]
        {'\x1b[31m': x}['\x1b[32m']
        assert False, '\x1b[31m\u202e'
        float('\x1b[31m')
        nn.ModuleDict({'\x1b[31m': nn.ReLU()}) ⏎ x
        m = nn.ModuleDict({'\x1b[31m': nn.Linear(2, 2)}) ⏎ print(m) ⏎ m['\x1b[31m'](x)
        nn.Linear(1, 1).load_state_dict({'\x1b[31m\u202e': x})
        torch.einsum('\x1b[31m', x)
        torch.device('\x1b[31m')
        x.to('\x1b[31m\u202e')
        F.gelu(x, approximate='\x1b[31m')
        torch.optim.SGD([{'params': [x], '\x1b': 1}], lr=1.) ⏎ x
        print('[red]a[/red] [/] [i]') ⏎ x[0]
        try: torch.device('\x1b[31m') ⏎ except Exception as e: print(e) ⏎ x
        dict([('\x1b[31m', x)])['\x1b[31m']
        dict([('\x1b[31m', x)])
    """),
)
@pytest.mark.parametrize("form", [[], ["--json"], ["--python"], ["-q"]], ids=["page", "json", "python", "values"])
def test_nothing_controls_the_terminal(agx: Agx, program: str, form: list[str]) -> None:
    given = ["--x", "1,2"] if inputs_of(program) else []
    done = agx("grad", program, *given, *form)
    assert done.code in {0, 1}
    for text in (done.out, done.err):
        assert "Traceback" not in text
        assert all(visible(line) == line for line in text.split("\n"))


def test_a_setting_that_is_left_out_is_not_made() -> None:
    import torch

    before = (torch.get_num_threads(), torch.backends.cudnn.enabled, str(torch.tensor(1 / 3)))
    report = explore(
        "torch.set_num_threads(3)\ntorch.backends.cudnn.enabled = False\ntorch.set_printoptions(precision=1)\nx",
        x=[1.0],
    )
    assert report.ok
    assert (torch.get_num_threads(), torch.backends.cudnn.enabled, str(torch.tensor(1 / 3))) == before
