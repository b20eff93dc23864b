"""The translations: complete, and true to the English text.

`pytest -n 0 tests/test_translation.py --accept` writes new messages into the .po files (translate them there), drops
those that are gone, and compiles the .mo files, which are what agx reads.
"""

from __future__ import annotations

import gettext
import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po, write_po

import autograd_cli
from autograd_cli.diagnostic import Span
from autograd_cli.render.parts.reasons import short_reason
from autograd_cli.rules import CATALOGUE
from autograd_cli.trace import Cut, Kind, Operation
from autograd_cli.translation import DOMAIN, LANGUAGES, LOCALE, language_of, marked, translate

TRANSLATED = [language for language in LANGUAGES if language != "en"]
PLACEHOLDER = re.compile(r"\{[^{}]+\}")
CODE = re.compile(r"`[^`]+`")


def po_file(language: str) -> Path:
    return LOCALE / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def extracted() -> Catalog:
    """The messages of the code."""
    catalog = Catalog()
    package = Path(autograd_cli.__file__).parent
    for _, _, message, _, _ in extract_from_dir(package, [("**.py", "python")], keywords={marked.__name__: None}):
        catalog.add(message)
    return catalog


def committed(language: str) -> Catalog:
    with po_file(language).open("rb") as file:
        return read_po(file, locale=language, domain=DOMAIN)


def texts(catalog: Catalog) -> dict[str, str]:
    return {str(message.id): str(message.string) for message in catalog if message.id}


def accept(language: str) -> None:
    """Bring the .po file to the messages of the code, and compile it."""
    catalog = committed(language)
    catalog.update(extracted(), no_fuzzy_matching=True, update_creation_date=False)
    with po_file(language).open("wb") as file:
        write_po(file, catalog, width=120, ignore_obsolete=True)
    with po_file(language).with_suffix(".mo").open("wb") as file:
        write_mo(file, catalog)


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_message_is_translated(language: str, request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--accept"):
        accept(language)
    catalog = committed(language)
    assert list(texts(catalog)) == list(texts(extracted()))
    assert [message.id for message in catalog if not message.string or message.fuzzy] == []
    assert not catalog.obsolete


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_says_the_same(language: str) -> None:
    for text, translation in texts(committed(language)).items():
        assert set(PLACEHOLDER.findall(translation)) == set(PLACEHOLDER.findall(text))
        assert set(CODE.findall(translation)) == set(CODE.findall(text))


@pytest.mark.parametrize("language", TRANSLATED)
def test_what_agx_reads_is_what_was_translated(language: str) -> None:
    with po_file(language).with_suffix(".mo").open("rb") as file:
        compiled = read_mo(file)
    assert texts(compiled) == texts(committed(language))
    for text, translation in texts(committed(language)).items():
        assert translate(text, language) == translation


@pytest.mark.parametrize("language", TRANSLATED)
def test_chinese_has_chinese_punctuation(language: str) -> None:
    for translation in texts(committed(language)).values():
        prose = PLACEHOLDER.sub("", CODE.sub("", translation))
        assert not re.search(r"[,;:!?](?=\s|$)|(?<=[\u4e00-\u9fff])[,.;:!?()]", prose), translation


def test_english_is_the_text_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gettext, "translation", lambda *_: pytest.fail("no file is read for English"))
    for text in texts(extracted()):
        assert translate(text, "en") == text
    assert translate("a text that is not marked", "en") == "a text that is not marked"


def test_a_language_whose_file_is_missing_is_english() -> None:
    assert translate("Lessons", "eo") == "Lessons"


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        ("en", "en"),
        ("en_GB.UTF-8", "en"),
        ("zh", "zh_CN"),
        ("zh_CN", "zh_CN"),
        ("zh-CN", "zh_CN"),
        ("zh_CN.UTF-8", "zh_CN"),
        ("ZH_cn.utf8@stroke", "zh_CN"),
        ("zh-Hans", "zh_CN"),
        ("zh_Hans_SG", "zh_CN"),
    ],
)
def test_a_language_that_is_asked_for(asked: str, language: str) -> None:
    assert language_of(asked, {"LC_ALL": "fr_FR.UTF-8"}) == language


@pytest.mark.parametrize("asked", ["fr", "tlh", "zh_TW", "zh-Hant", "english", "de_AT.UTF-8@euro"])
def test_a_language_without_translation_is_english(asked: str) -> None:
    assert language_of(asked, {"LANG": "zh_CN"}) == "en"


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh_CN"),
        ({"LANG": "zh_SG"}, "zh_CN"),
        ({"LANG": "zh_TW.UTF-8"}, "en"),
        ({"LANG": "fr_FR.UTF-8"}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LC_MESSAGES": "zh_CN", "LANG": "en_US"}, "zh_CN"),
        ({"LC_MESSAGES": "zh_CN", "LC_ALL": "C"}, "en"),
        ({"LC_ALL": "", "LANG": "zh_CN"}, "zh_CN"),
        ({"LC_CTYPE": "zh_CN.UTF-8"}, "en"),
        ({"LANGUAGE": "zh_CN:en", "LANG": "en_US.UTF-8"}, "zh_CN"),
        ({"LANGUAGE": "zh"}, "zh_CN"),
        ({"LANGUAGE": "fr:zh", "LC_ALL": "de_DE"}, "zh_CN"),
        ({"LANGUAGE": "en:zh", "LANG": "zh_CN"}, "en"),
        ({"LANGUAGE": "fr", "LANG": "zh_CN"}, "en"),
        ({"LANGUAGE": "zh_CN", "LC_ALL": "C"}, "en"),
        ({"LANGUAGE": "", "LANG": "zh_CN"}, "zh_CN"),
    ],
)
def test_the_language_of_a_locale(environ: dict[str, str], language: str) -> None:
    assert language_of(None, environ) == language


@pytest.mark.parametrize(
    ("rule", "line", "op", "english", "chinese"),
    [
        ("cut-by-detach", None, ".detach", ".detach()", ".detach()"),
        ("cut-by-data", None, ".data", ".data", ".data"),
        ("cut-by-no-grad", "2", "**", "no_grad from line 2", "第 2 行起 no_grad"),
        ("cut-by-no-grad", None, "**", "no_grad", "no_grad"),
        ("cut-by-grad-mode-off", "3", "*", "inference_mode from line 3", "第 3 行起 inference_mode"),
        ("cut-by-grad-mode-off", None, "*", "inference_mode", "inference_mode"),
        ("cut-by-item", None, ".item", ".item(): a Python number", ".item()：Python 数值"),
        ("cut-by-rewrap", None, "torch.tensor", "torch.tensor(): a copy", "torch.tensor()：副本"),
        ("cut-by-int-cast", None, ".long", "integer dtype", "整数 dtype"),
        ("cut-by-index-op", None, ".argmax", ".argmax(): integers", ".argmax()：整数"),
        ("cut-by-nondiff-op", None, "torch.histc", "torch.histc(): no derivative", "torch.histc()：没有导数"),
        ("cut-by-comparison", None, ">", ">: true or false", ">：真或假"),
        ("no-grad-view", "4", ".view", "a view made without grad mode", "关闭梯度模式时创建的视图"),
        ("requires-grad-missing", None, ".requires_grad_", "requires_grad switched off", "已关闭 requires_grad"),
    ],
)
def test_the_short_reason_of_a_cut(rule: str, line: str | None, op: str, english: str, chinese: str) -> None:
    since = None if line is None else Span(line=int(line), column=0, end_line=int(line), end_column=1)
    margin = CATALOGUE[rule].beside(since)
    cut = Cut(value=0, rule=rule, why="", span=None, since=since, is_deliberate=False, margin=margin)
    operation = Operation(
        kind=Kind.CALL if op.rpartition(".")[2].isidentifier() else Kind.OPERATOR, function=None, op=op
    )
    assert short_reason(cut, line, operation, "en") == english
    assert short_reason(cut, line, operation, "zh_CN") == chinese
