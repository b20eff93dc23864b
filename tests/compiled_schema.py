"""Whether JSON is valid by a schema, by functions that are compiled from it once.

jsonschema walks the schema anew for each value, which takes many times as long, but says what is wrong: it is asked
only where something is. `test_schema` checks that the two agree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import jsonschema

Check = Callable[[Any], bool]


def is_whole(value: Any) -> bool:
    """Whether a value is such as 2.0, which is an integer of JSON's."""
    return isinstance(value, float) and value.is_integer()


_IGNORED = {"$schema", "$defs", "title", "description"}
_TYPES: dict[str, Check] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: (isinstance(value, int) and not isinstance(value, bool)) or is_whole(value),
}


class CompiledSchema:
    """A compiled schema. It knows the keywords that agx's own schema has; any other is an error."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._schema = schema
        self._slow = jsonschema.Draft202012Validator(schema)
        self._referred: dict[str, Check] = {}
        self.is_valid = self._check(schema)

    def validate(self, value: Any) -> None:
        """Raise what jsonschema raises for a value that is not valid."""
        if not self.is_valid(value):
            self._slow.validate(value)
            raise AssertionError("jsonschema finds it valid")

    def _check(self, schema: Any) -> Check:
        if isinstance(schema, bool):
            return lambda _value: schema
        checks: list[Check] = []
        for name, given in schema.items():
            if name in _SIMPLE:
                checks.append(partial(_SIMPLE[name], given))
            elif name not in _IGNORED:
                checks.append(self._compound(name, given, schema))
        if len(checks) == 1:
            return checks[0]
        return lambda value: all(check(value) for check in checks)

    def _compound(self, name: str, given: Any, schema: Mapping[str, Any]) -> Check:
        match name:
            case "$ref":
                return partial(self._is_referred, given)
            case "anyOf":
                choices = [self._check(each) for each in given]
                return lambda value: any(check(value) for check in choices)
            case "properties":
                known = {key: self._check(part) for key, part in given.items()}
                return partial(_properties, known, self._check(schema.get("additionalProperties", True)))
            case "additionalProperties":
                return partial(_properties, {}, self._check(given)) if "properties" not in schema else _anything
            case "prefixItems":
                return partial(_first, [self._check(each) for each in given])
            case "items":
                return partial(_rest, self._check(given), len(schema.get("prefixItems", ())))
        raise NotImplementedError(name)

    def _is_referred(self, pointer: str, value: Any) -> bool:
        check = self._referred.get(pointer)
        if check is None:
            part: Any = self._schema
            for key in pointer.removeprefix("#/").split("/"):
                part = part[key]
            check = self._referred[pointer] = self._check(part)
        return check(value)


def _anything(_value: Any) -> bool:
    return True


def _type(names: str | list[str], value: Any) -> bool:
    if isinstance(names, str):
        return _TYPES[names](value)
    return any(_TYPES[name](value) for name in names)


def _properties(known: Mapping[str, Check], other: Check, value: Any) -> bool:
    return not isinstance(value, dict) or all(known.get(key, other)(each) for key, each in value.items())


def _first(checks: Sequence[Check], value: Any) -> bool:
    return not isinstance(value, list) or all(check(each) for check, each in zip(checks, value, strict=False))


def _rest(check: Check, start: int, value: Any) -> bool:
    return not isinstance(value, list) or all(map(check, value[start:]))


def _same(value: Any, given: Any) -> bool:
    return bool(value == given) and isinstance(value, bool) == isinstance(given, bool)


_SIMPLE: dict[str, Callable[[Any, Any], bool]] = {
    "type": _type,
    "const": lambda given, value: _same(value, given),
    "enum": lambda given, value: any(_same(value, each) for each in given),
    "minimum": lambda given, value: not _TYPES["number"](value) or value >= given,
    "required": lambda given, value: not isinstance(value, dict) or all(name in value for name in given),
    "minItems": lambda given, value: not isinstance(value, list) or len(value) >= given,
    "maxItems": lambda given, value: not isinstance(value, list) or len(value) <= given,
}
