"""The names by which rewritten code calls the recorder. They live in builtins, so no namespace of the user's has them.

They end in two underscores, so that Python does not mangle them in a class.
"""

from __future__ import annotations

PREFIX = "__agx_"

VALUE = "__agx_value__"  # an expression has run
CALLEE = "__agx_callee__"  # a call is about to run
NAME = "__agx_name__"  # a variable was read
CONSTANT = "__agx_constant__"
STATEMENT = "__agx_statement__"  # a statement begins
RESULT = "__agx_result__"
ASSIGN = "__agx_assign__"  # one variable is about to be bound
BOUND = "__agx_bound__"  # a statement has bound or written
ITERATE = "__agx_iterate__"  # a loop begins
ROUND = "__agx_round__"  # one round of it begins
TEST = "__agx_test__"  # the test of a `while` is about to run
ITER = "__agx_iter__"
GENERATE = "__agx_generate__"  # a comprehension begins
CONTEXT = "__agx_context__"  # a context manager was made
INSIDE = "__agx_inside__"  # the body of a `with` begins
CAUGHT = "__agx_caught__"  # an exception was caught
ENTER = "__agx_enter__"  # a function begins
RETURN = "__agx_return__"
LEAVE = "__agx_leave__"  # a lambda ends
SLICE = "__agx_slice__"
OWN = "__agx_own__"  # what `locals()` gave, without our names

FRAME = "__agx_frame__"
ITERATOR = "__agx_iterator__"
_TEMPORARY = "__agx_temporary_{}__"
TEMPORARIES = tuple(_TEMPORARY.format(name) for name in ("owner", "index", "value"))


def module_frame(number: int) -> str:
    """The name of the frame of the top level of file `number`."""
    return f"__agx_frame_{number}__"
