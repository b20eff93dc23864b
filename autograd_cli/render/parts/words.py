"""The fixed words of a page that is written in the reader's language."""

from __future__ import annotations

from autograd_cli.translation import marked

NOW_TRY = marked("Now try")
NEXT_LESSON = marked("Next lesson")
LESSONS = marked("Lessons")
RECORDED = marked("recorded by torch")
NOT_RECORDED = marked("computed, not recorded")
NOT_NEEDED = marked("not recorded, and no gradient needs it")
PARTLY_RECORDED = marked("partly recorded")
REFUSED = marked("refused")
LEAF = marked("leaf")
NOT_TRACKED = marked("not tracked")
INFERENCE_TENSOR = marked("inference tensor")
UNRECORDED = marked("not recorded")
WAS = marked("was {before}")
VERSION = marked("version {n}")
ROUND = marked("round {n}")
ROUNDS = marked("rounds: {n}")
CALL = marked("call {n}")
LINE = marked("line {n}")
COMMA = marked(", ")
EXPLAIN_A_PROGRAM = marked(
    "`agx explain PROGRAM` shows what torch recorded of a program of your own, and what it did not."
)
