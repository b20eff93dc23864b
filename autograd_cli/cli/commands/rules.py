"""`agx rules`: the causes of broken gradients that agx knows, and one of them in full, its example run live."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from autograd_cli import rules as known
from autograd_cli.cli import completion, options, terminal
from autograd_cli.cli.terminal import Color
from autograd_cli.diagnostic import COMMAND_LINE, bad_request
from autograd_cli.lang.suggest import did_you_mean
from autograd_cli.render.look import Look
from autograd_cli.tasks.explore import explore
from autograd_cli.tasks.request import Request

if TYPE_CHECKING:
    from autograd_cli.render.pages.rules import RulePage


SUMMARY = "causes of broken gradients"


def rules(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RULE",
            help="A rule, such as cut-by-detach, or words to look for.",
            autocompletion=completion.rules,
            show_default=False,
        ),
    ] = None,
    *,
    json: options.Json = False,
    markdown: Annotated[
        bool,
        typer.Option("--markdown", help="Print all of them as one Markdown page.", rich_help_panel=options.OUTPUT),
    ] = False,
    color: options.ColorOption = Color.AUTO,
    lang: options.Lang = None,  # noqa: ARG001 - the rules have no translation yet
) -> None:
    """List the causes of broken gradients that agx explain finds, or explain one and run its example."""
    from autograd_cli.render.pages import rules as render

    if json and markdown:
        raise bad_request("usage", "--json and --markdown are two formats: choose one", source=COMMAND_LINE)

    screen = terminal.screen_of(sys.stdout)
    asked = " ".join(words or ())
    if asked in known.CATALOGUE:
        page = _page(known.CATALOGUE[asked])
        report = explore(Request(program=page.example, watch=True)) if page.example else None
        shown = render.rule_page(page, report, Look(width=screen.width, glyphs=screen.glyphs))
        text = f"{render.rule_json(page, report)}\n" if json else terminal.page_text(shown, screen, color)
    else:
        pages = [_page(rule) for rule in _about(asked)]
        if markdown:
            text = render.rules_markdown(pages)
        elif json:
            text = f"{render.rules_json(pages)}\n"
        else:
            text = terminal.page_text(render.rules_list(pages), screen, color)
    sys.stdout.write(text)


def _about(asked: str) -> list[known.Rule]:
    """The rules whose name, family or summary have all the words, whatever stands between their parts.

    Raises:
        AgxError: there is none.
    """
    pieces = [_letters(word) for word in asked.split()]
    texts = {rule: _letters(f"{rule.slug} {rule.family} {rule.summary}") for rule in known.CATALOGUE.values()}
    found = [rule for rule, text in texts.items() if all(piece in text for piece in pieces)]
    if not found:
        fix = did_you_mean(asked, known.CATALOGUE) or "agx rules lists them"
        raise bad_request("unknown-name", f"there is no rule `{asked}`", source=COMMAND_LINE, fix=fix)
    return found


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.lower()))


def _page(rule: known.Rule) -> RulePage:
    from autograd_cli.render.pages.rules import RulePage

    return RulePage(
        slug=rule.slug,
        family=rule.family,
        summary=rule.summary,
        why=rule.why,
        example=rule.example,
        fix=rule.cure,
    )
