"""The two tables against the installed torch: every public name is in one of them, with the keywords it takes."""

from __future__ import annotations

import inspect
import itertools
import json
import subprocess
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import torch

import make_operations
import probe_operations
from autograd_cli.derivatives.table import formulas_of
from autograd_cli.engine.documentation import document
from autograd_cli.engine.interpret.functions import function_of, member_of, method_of
from autograd_cli.lang import vocabulary
from autograd_cli.lang.documentation import find, short_name
from autograd_cli.lang.vocabulary import Operation
from conftest import Agx
from thorough import at_length

ROWS = [operation for name in vocabulary.operation_names() if (operation := vocabulary.operation(name)) is not None]
IS_TESTED_TORCH = torch.__version__.startswith("2.13.0")
PROBE = """
import sys
from autograd_cli.cli.app import main
code = main(sys.argv[1:])
sys.exit(code + 10 * ("torch" in sys.modules))
"""
of_this_torch = pytest.mark.skipif(not IS_TESTED_TORCH, reason="the tables are those of torch 2.13.0")


@of_this_torch
def test_every_public_name_of_torch_is_in_one_of_the_tables() -> None:
    refused = make_operations.refused_names()
    public = {name for name, _ in make_operations.candidates()}
    allowed = set(vocabulary.operation_names())
    new = public - allowed - refused
    assert not new, f"new in torch: allow by tests/make_operations.py or give a reason in refused.tsv: {sorted(new)}"
    assert not allowed & refused, "in both tables"
    assert not allowed - public, "torch has these no longer"


@of_this_torch
def test_making_the_table_again_gives_the_same() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = list(make_operations.table(every=8))
    assert make_operations.HEADER.splitlines() + rows == make_operations.TABLE.read_text(encoding="utf-8").splitlines()


def test_the_tables_are_sorted_and_whole() -> None:
    for name, columns in (("operations.tsv", 5), ("refused.tsv", 2)):
        lines = (make_operations.LANG / name).read_text(encoding="utf-8").splitlines()[1:]
        names = [line.split("\t")[0] for line in lines]
        assert names == sorted(set(names)), name
        assert {line.count("\t") for line in lines} == {columns - 1}, name


def test_every_refusal_says_why() -> None:
    lines = (make_operations.LANG / "refused.tsv").read_text(encoding="utf-8").splitlines()[1:]
    reasons = dict(line.split("\t") for line in lines)
    assert not [name for name, reason in reasons.items() if len(reason.split()) < 2]
    assert all(vocabulary.refusal(name) == reason for name, reason in reasons.items())


def test_what_reaches_out_is_refused() -> None:
    for name in """
        torch.load torch.save torch.from_numpy torch.frombuffer torch.from_file torch.empty torch.empty_like
        torch.as_strided torch.set_default_dtype torch.compile torch.Tensor.numpy torch.Tensor.apply_ torch.Tensor.map_
        torch.Tensor.data_ptr torch.Tensor.set_ torch.Tensor.resize_ torch.Tensor.untyped_storage
        torch.Tensor.as_strided
        torch.native_batch_norm torch.quantized_lstm_cell torch.batch_norm_update_stats
        torch.fused_moving_avg_obs_fake_quant torch.seed torch.optim.LBFGS torch.autograd.Function torch.nn.Module
        torch.hub.load torch.func.functional_call torch.utils.data.DataLoader torch.cuda.synchronize
        eval exec open getattr
    """.split():
        assert vocabulary.operation(name) is None, name
        assert vocabulary.refusal(name) is not None, name
    every_keyword = vocabulary.keywords()
    assert every_keyword.isdisjoint(
        {"out", "generator", "pin_memory", "layout", "memory_format", "names", "unsafe", "hook"}
    )


def test_every_row_is_found_by_its_name() -> None:
    for operation in ROWS:
        member = member_of(operation.name)
        home, _, name = operation.name.rpartition(".")
        if operation.group == "attribute":
            assert name in vocabulary.ATTRIBUTES
        elif home == "torch.Tensor":
            assert name in vocabulary.METHODS
            assert callable(method_of(name))
        else:
            assert vocabulary.resolve(operation.name) == operation.name
            assert callable(function_of(operation.name))
            assert function_of(operation.name) is member or operation.precondition


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("sin", "torch.sin"),
        ("sum", "torch.sum"),
        ("torch.sin", "torch.sin"),
        ("x.sin", "torch.Tensor.sin"),
        (".sin", "torch.Tensor.sin"),
        (".sin()", "torch.Tensor.sin"),
        ("F.relu", "torch.nn.functional.relu"),
        ("nn.functional.relu", "torch.nn.functional.relu"),
        ("torch.nn.functional.relu", "torch.nn.functional.relu"),
        ("torch.Tensor.mT", "torch.Tensor.mT"),
        ("gelu", "torch.nn.functional.gelu"),
        ("det", "torch.det"),
        ("linalg.det", "torch.linalg.det"),
        ("svdvals", "torch.linalg.svdvals"),
        ("Linear", "torch.nn.Linear"),
        ("optim.SGD", "torch.optim.SGD"),
        ("distributions.Normal", "torch.distributions.Normal"),
        ("nn.init.zeros_", "torch.nn.init.zeros_"),
        ("backward", "torch.Tensor.backward"),
        ("autograd.grad", "torch.autograd.grad"),
        ("torch.cuda.is_available", "torch.cuda.is_available"),
    ],
)
def test_a_name_is_found_as_people_write_it(written: str, means: str) -> None:
    assert find(written).name == means


def test_every_operation_is_found_by_its_short_name() -> None:
    assert [operation.name for operation in ROWS if find(short_name(operation.name)) != operation] == []


@pytest.mark.parametrize(
    ("name", "keywords", "not_keywords"),
    [
        ("torch.sum", "input dim axis keepdim keepdims dtype", "out self"),
        ("torch.add", "input x other x2 alpha", "out"),
        ("torch.Tensor.add", "other alpha", "input self"),
        ("torch.Tensor.sum", "dim axis keepdim dtype", "input"),
        ("torch.zeros", "size dtype device requires_grad", "out layout pin_memory names"),
        ("torch.arange", "start end step dtype device requires_grad", "out layout"),
        ("torch.tensor", "data dtype device requires_grad", "pin_memory"),
        ("torch.randn", "size dtype requires_grad", "generator"),
        ("torch.Tensor.to", "dtype device copy other", "memory_format"),
        ("torch.clamp", "input min max", "out"),
        ("torch.linalg.det", "A", "out input"),
        ("torch.max", "input dim keepdim other", "values max_values out"),
        ("torch.nn.functional.max_pool1d", "input kernel_size stride padding dilation ceil_mode return_indices", ""),
        ("torch.nn.functional.cross_entropy", "input target weight ignore_index reduction label_smoothing", ""),
        ("torch.nn.functional.gelu", "input approximate", ""),
        ("torch.nn.Linear", "in_features out_features bias device dtype", ""),
        ("torch.nn.LSTM", "input_size hidden_size num_layers batch_first proj_size", ""),
        ("torch.optim.SGD", "params lr momentum nesterov weight_decay", "fused capturable differentiable"),
        ("torch.distributions.Normal", "loc scale validate_args", ""),
        ("torch.Tensor.backward", "gradient retain_graph create_graph inputs", "grad_fn"),
        (
            "torch.autograd.grad",
            "outputs inputs grad_outputs retain_graph create_graph allow_unused",
            "is_grads_batched",
        ),
        ("torch.segment_reduce", "data reduce lengths axis initial", "unsafe"),
        ("torch.normal", "mean std size", "generator"),
    ],
)
def test_keywords_are_those_of_the_signature(name: str, keywords: str, not_keywords: str) -> None:
    row = vocabulary.operation(name)
    assert row is not None
    assert row.keywords >= set(keywords.split())
    assert row.keywords.isdisjoint(not_keywords.split())


def builtin_rows() -> Iterator[tuple[Operation, Any]]:
    for row in ROWS:
        member = member_of(row.name) if row.group != "attribute" else None
        if inspect.isbuiltin(member) or inspect.ismethoddescriptor(member):
            yield row, member


def test_torch_takes_every_keyword_of_its_own_parser() -> None:
    """A keyword that the parser does not know is named in its complaint; one that it knows is judged by its value."""
    unknown = []
    for row, member in builtin_rows():
        receiver = [torch.ones(2)] if row.name.startswith("torch.Tensor.") else []
        for keyword in row.keywords:
            try:
                member(*receiver, **{keyword: object()})
            except Exception as error:  # noqa: BLE001 - torch complains in many ways
                if "unexpected keyword argument" in str(error) and f"'{keyword}'" in str(error):
                    unknown.append(f"{row.name}({keyword}=)")
    assert unknown == []


def test_python_functions_take_every_keyword() -> None:
    unknown = []
    for row in ROWS:
        member = member_of(row.name) if row.group != "attribute" else None
        if (inspect.isfunction(member) or inspect.isclass(member)) and not probe_operations.is_removed(row.name):
            try:
                parameters = inspect.signature(member).parameters
            except (TypeError, ValueError):
                continue
            if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
                unknown += [f"{row.name}({name}=)" for name in row.keywords - set(parameters)]
    assert unknown == []


def test_named_tuples_have_the_fields_that_a_program_reads() -> None:
    types = [
        value
        for name, value in vars(torch.return_types).items()
        if inspect.isclass(value) and (IS_TESTED_TORCH or is_of_the_table(name)) and not name.startswith("_")
    ]
    fields = {field for made in types for field in getattr(made, "__match_args__", ())}
    assert {"values", "indices", "Q", "LU"} <= fields <= vocabulary.RESULT_FIELDS


def is_of_the_table(name: str) -> bool:
    """Whether a named tuple, such as `linalg_eigh_out`, belongs to an operation of the table, not to a newer one."""
    name = name.removesuffix("_out")
    called = [f"torch.{name}", f"torch.Tensor.{name}", f"torch.linalg.{name.removeprefix('linalg_')}"]
    return any(vocabulary.operation(each) is not None for each in called)


@at_length
@of_this_torch
def test_the_nodes_of_the_derivative_table_are_those_that_torch_makes() -> None:
    """The class names follow from a rule of torch's code generator; here they meet the nodes of real calls."""
    compared, wrong = 0, []
    for row in ROWS[::5]:
        formulas = (
            formulas_of(row.name, None) if row.differentiable and row.group not in {"module", "attribute"} else ()
        )
        made = set(nodes_of(row.name)) if formulas else set()
        if made:
            compared += 1
            if not made & {entry.node for entry in formulas}:
                wrong.append(row.name)
    assert compared > 120
    # conj() of a real tensor is the tensor itself
    assert {name.rpartition(".")[2] for name in wrong} <= {"conj", "conj_physical"}


def nodes_of(full_name: str) -> Iterator[str]:
    for sample in itertools.islice(probe_operations.database_samples(full_name), probe_operations.SAMPLES):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                result = probe_operations.function_of(full_name)(*sample.arguments, **sample.keywords)
        except Exception:  # noqa: BLE001, S112 - a sample for another form of the call
            continue
        yield from (
            type(tensor.grad_fn).__name__
            for tensor in probe_operations.tensors_in(result)
            if tensor.grad_fn is not None
        )


def test_every_page_can_be_made(agx: Agx) -> None:
    for row in ROWS:
        page = document(row)
        assert page.operation is row
        assert all(signature.startswith(row.name) for signature in page.signatures)
        assert page.summary is None or "\n" not in page.summary
    listed = json.loads(agx("ops", "--json").out)
    assert [operation["name"] for operation in listed["operations"]] == list(vocabulary.operation_names())


def test_the_list_names_every_function_within_80_columns(agx: Agx) -> None:
    out = agx("ops").out
    words = set(out.split())
    assert max(map(len, out.splitlines())) <= 80
    assert [
        row.name for row in ROWS if words.isdisjoint({short_name(row.name), short_name(row.name).lstrip(".")})
    ] == []


@pytest.mark.parametrize(
    ("words", "code"), [(["ops"], 0), (["ops", "--json"], 0), (["ops", "torch.load"], 2), (["ops", "sine"], 2)]
)
def test_the_list_and_the_refusals_load_no_torch(words: list[str], code: int) -> None:
    done = subprocess.run([sys.executable, "-c", PROBE, *words], capture_output=True, check=False)
    assert done.returncode == code
