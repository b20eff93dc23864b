"""The JSON schema against the types that the JSON is written from, field by field."""

from __future__ import annotations

import dataclasses
import functools
import json
import re
import types
import typing
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from random import Random
from typing import Any

import jsonschema
import pytest

from autograd_cli import diagnostic, report, trace
from autograd_cli.render.formats.json_text import schema_text
from autograd_cli.render.pages.choose import PAGES
from conftest import VALIDATOR, Agx

SCHEMA = json.loads(schema_text())
DEFINITIONS: dict[str, dict[str, Any]] = SCHEMA["$defs"]
NAMES = {  # of the types whose name in the schema is not their own
    "TensorInfo": "tensor",
    "TensorValues": "content",
    "GivenInput": "input",
}
UNION = (types.UnionType, typing.Union)


def types_of(module: types.ModuleType) -> list[type[Any]]:
    return [
        kind
        for kind in vars(module).values()
        if dataclasses.is_dataclass(kind) and isinstance(kind, type) and kind.__module__ == module.__name__
    ]


def definition(kind: type[Any]) -> dict[str, Any] | None:
    return DEFINITIONS.get(NAMES.get(kind.__name__, kind.__name__.lower()))


DESCRIBED = [
    kind
    for module in (diagnostic, trace, report)
    for kind in types_of(module)
    if definition(kind) is not None and kind is not trace.Operation  # an "operation" of the schema is one of `agx ops`
]


def test_every_reference_leads_somewhere() -> None:
    references = re.findall(r'"\$ref": "#/([^"]+)"', schema_text())
    assert references
    for reference in references:
        functools.reduce(lambda part, name: part[name], reference.split("/"), SCHEMA)


def test_the_types_are_described() -> None:
    names = {NAMES.get(kind.__name__, kind.__name__.lower()) for kind in DESCRIBED}
    objects = {name for name, each in DEFINITIONS.items() if each.get("type") == "object"}
    no_types = {"answer", "run", "variable"}  # of several types in one: checked with every --json that a test reads
    looked_up = {"rules", "rule_page", "rule", "operations", "operation_page", "operation", "documented", "lessons"}
    assert objects - names <= {*no_types, *looked_up, "batch_line", "batch_tensor"}  # these are checked below


@pytest.mark.parametrize("kind", DESCRIBED, ids=lambda kind: kind.__name__)
def test_a_type_has_the_fields_that_the_schema_says(kind: type[Any]) -> None:
    described = definition(kind)
    assert described is not None
    fields = {field.name for field in dataclasses.fields(kind) if field.metadata.get("json", True)}
    if issubclass(kind, trace.TensorValues):
        fields |= {"truncated"}
    if kind is not trace.Variable:
        assert set(described["properties"]) == fields
        assert set(described["required"]) == fields
        assert described["additionalProperties"] is False


@pytest.mark.parametrize("kind", DESCRIBED, ids=lambda kind: kind.__name__)
def test_a_field_may_be_null_where_its_type_says_so(kind: type[Any]) -> None:
    described = definition(kind)
    assert described is not None
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        written = described["properties"].get(field.name)
        if kind is trace.Variable or written is None:
            continue
        hint = hints[field.name]
        may_be_none = typing.get_origin(hint) in UNION and type(None) in typing.get_args(hint)
        assert may_be_none == allows_null(written), f"{kind.__name__}.{field.name}: {hint} is written as {written}"


@pytest.mark.parametrize("kind", DESCRIBED, ids=lambda kind: kind.__name__)
def test_a_field_of_few_words_has_them_all(kind: type[Any]) -> None:
    described = definition(kind)
    assert described is not None
    for name, hint in typing.get_type_hints(kind).items():
        if isinstance(hint, type) and issubclass(hint, Enum):
            assert described["properties"][name]["enum"] == [each.value for each in hint]


BODIES = [kind for kind in types_of(report) if issubclass(kind, report.Body) and kind is not report.Body]


@pytest.mark.parametrize("kind", BODIES, ids=lambda kind: kind.__name__)
def test_what_came_of_a_request_has_its_page_and_its_keys(kind: type[report.Body]) -> None:
    assert kind in PAGES
    keys = {field.name for field in dataclasses.fields(kind)} - {"outcome", "trace", "columns"}
    assert keys <= set(DEFINITIONS["answer"]["properties"])


def allows_null(written: dict[str, Any]) -> bool:
    if "$ref" in written:
        return allows_null(DEFINITIONS[written["$ref"].rpartition("/")[2]])
    kind = written.get("type")
    if kind == "null" or (isinstance(kind, list) and "null" in kind) or None in written.get("enum", ()):
        return True
    return any(allows_null(each) for each in (*written.get("anyOf", ()), *written.get("oneOf", ())))


LOOKED_UP = [
    "rules",
    "rules cut-by-detach",
    "rules not-watched",
    "ops",
    "ops sin",
    "ops nn.Linear",
    "lessons",
    "explain",
]


@pytest.mark.parametrize("words", LOOKED_UP)
def test_what_is_looked_up_is_described(agx: Agx, words: str) -> None:
    assert (
        agx(*words.split(), "--json").report["schema"]
        == f"agx-{words.split(maxsplit=1)[0].replace('explain', 'lessons')}/1"
    )


def test_the_lines_of_a_batch_are_described(agx: Agx, tmp_path: Path) -> None:
    requests = [
        {"id": 1, "expr": "2*x", "inputs": {"x": [1, 2]}},
        {"id": {"a": []}, "expr": "x*nan", "inputs": {"x": 1}},
        {"expr": "x.detach()", "inputs": {"x": {"re": 1, "im": 2}}},
        {"expr": "x.max(0)", "inputs": {"x": [[1, 2], [3, 4]]}},
        {"expr": "print(x); x.tolist()", "inputs": {"x": "randn(2, 3)"}},
        {"expr": "3"},
        {"expr": "x*", "inputs": {}},
        {"inputs": 3},
    ]
    file = tmp_path / "requests.ndjson"
    file.write_text("\n".join(["", *map(json.dumps, requests), "no JSON"]), "utf-8")
    lines = agx("batch", str(file)).out.splitlines()
    assert len(lines) == len(requests) + 1
    for line in lines:
        VALIDATOR.validate(json.loads(line))


@pytest.mark.parametrize(
    "line",
    [
        *("grad x*w --x 1,2 --w 3", "explain x.exp().add_(1) --x 1", "compare x.detach() --x 1", "check log(x) --x 0"),
        *("rules", "rules cut-by-detach", "ops sin", "lessons", "grad x+"),
    ],
)
def test_the_compiled_schema_finds_valid_what_jsonschema_does(agx: Agx, line: str) -> None:
    answer = agx(*line.split(), "--json").report
    jsonschema.validate(answer, SCHEMA, cls=jsonschema.Draft202012Validator)
    slow, random = jsonschema.Draft202012Validator(SCHEMA), Random(0)  # noqa: S311 - no secret
    found = set()
    for _ in range(12):
        changed = json.loads(json.dumps(answer))
        change_somewhere(changed, random)
        assert VALIDATOR.is_valid(changed) == slow.is_valid(changed), changed
        found.add(slow.is_valid(changed))
    assert False in found


def change_somewhere(value: Any, random: Random) -> None:
    """Take something out of a JSON value, put something into it, or put something else in a place of it."""
    places = [
        (owner, key) for owner in owners(value) for key in (owner if isinstance(owner, dict) else range(len(owner)))
    ]
    owner, key = random.choice(places)
    match random.randrange(4):
        case 0:
            del owner[key]
        case 1 if isinstance(owner, dict):
            owner["more"] = 1
        case _:
            owner[key] = random.choice([None, True, -1, 0, 1.5, 2.0, "x", "error", [], {}, ["x", 1]])


def owners(value: Any) -> Iterator[Any]:
    """The objects and arrays in a JSON value."""
    if isinstance(value, dict | list):
        yield value
        for each in value.values() if isinstance(value, dict) else value:
            yield from owners(each)
