"""The languages of what agx says: which one is meant, and a text in it.

English is what stands in the code. A text that has a translation stands in a call of `marked`, by which Babel finds it;
`translate` looks it up when it is shown. `tests/test_translation.py` says how the translations are made.
"""

from __future__ import annotations

import gettext
from collections.abc import Mapping
from functools import cache
from pathlib import Path

LANGUAGES = ("en", "zh_CN")
DOMAIN = "agx"
LOCALE = Path(__file__).parent / "locale"
_LOCALE_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")
_PLAIN_LOCALES = frozenset({"C", "POSIX"})


def marked(text: str) -> str:
    """The text itself, for `translate` to translate where it is shown."""
    return text


def translate(text: str, language: str) -> str:
    """A marked text in one of the LANGUAGES."""
    return text if language == "en" else _translations(language).gettext(text)


@cache
def _translations(language: str) -> gettext.NullTranslations:
    return gettext.translation(DOMAIN, LOCALE, [language], fallback=True)  # English is better than an error


def language_of(asked: str | None, environ: Mapping[str, str]) -> str:
    """The language that `--lang` asks for, or else that of the locale; English where there is no translation.

    As in gettext, LANGUAGE is a list by preference, which counts in any locale but C.
    """
    if asked is not None:
        return _known(asked) or "en"
    locale = next((environ[name] for name in _LOCALE_VARIABLES if environ.get(name)), "")
    preferred = "" if locale in _PLAIN_LOCALES else environ.get("LANGUAGE", "")
    return next((known for name in (preferred or locale).split(":") if (known := _known(name))), "en")


def _known(name: str) -> str | None:
    """The language that a name such as `zh_CN.UTF-8` or `zh-Hans` means. Traditional Chinese is another language."""
    language, _, region = name.partition(".")[0].partition("@")[0].replace("-", "_").lower().partition("_")
    if language == "en":
        return "en"
    if language == "zh" and (region in {"", "cn", "sg"} or region.startswith("hans")):
        return "zh_CN"
    return None
