"""`agx rules`: the causes of broken gradients that agx knows, and one of them in full, its example run live."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from autograd_cli import rules as known
from autograd_cli.cli import options, terminal
from autograd_cli.cli.terminal import Color
from autograd_cli.diagnostic import COMMAND_LINE, bad_request
from autograd_cli.explore import explore
from autograd_cli.lang.suggest import did_you_mean
from autograd_cli.render.look import Look

if TYPE_CHECKING:
    from autograd_cli.render.rules import RulePage


SUMMARY = "causes of broken gradients"


def rules(
    slug: Annotated[
        str | None,
        typer.Argument(
            metavar="RULE", help="A rule, such as cut-by-detach, or a word (default: all).", show_default=False
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
    from autograd_cli.render import rules as render

    screen = terminal.screen_of(sys.stdout)
    pages = [_page(rule) for rule in known.CATALOGUE.values()]
    if slug is None:
        if markdown:
            sys.stdout.write(render.rules_markdown(pages))
            return
        text = render.rules_json(pages) if json else ""
        sys.stdout.write(f"{text}\n" if json else terminal.page_text(render.rules_list(pages), screen, color))
        return
    if slug not in known.CATALOGUE:
        message = f"there is no rule {slug}"
        fix = did_you_mean(slug, known.CATALOGUE) or "agx rules lists them"
        raise bad_request("unknown-name", message, source=COMMAND_LINE, fix=fix)
    page = _page(known.CATALOGUE[slug])
    report = explore(page.example, watch=True)
    look = Look(width=screen.width, glyphs=screen.glyphs)
    shown = render.rule_page(page, report, look)
    text = f"{render.rule_json(page, report)}\n" if json else terminal.page_text(shown, screen, color)
    sys.stdout.write(text)


def _page(rule: known.Rule) -> RulePage:
    from autograd_cli.render.rules import RulePage

    return RulePage(
        slug=rule.slug,
        family=rule.family,
        summary=rule.summary,
        why=rule.why,
        example=rule.example,
        fix=rule.fix,
    )
