"""Both languages are whole: every sentence of every template has two, and no word stands outside of a sentence."""

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from jinja2 import Environment, nodes

from fleetsync.core.lifecycle import GAPS, ActingRole
from fleetsync.core.measures import MEASURES
from fleetsync.core.model import (
    Condition,
    EmploymentForm,
    FormFactor,
    MembershipType,
    PartRole,
    Platform,
    Purpose,
    RoundBy,
    Scheme,
    Severity,
    Stage,
    Text,
    Verdict,
)
from fleetsync.expose import display_names, web
from fleetsync.expose.web import policy_sentences, template_helpers
from fleetsync.expose.web.localiser import Localiser

TEMPLATES = sorted(Path(web.__file__ or "").with_name("templates").glob("*.html"))
MODULES = sorted(
    path for folder in (".", "../lists") for path in (Path(web.__file__ or "").parent / folder).glob("*.py")
)
# Names of things, the same in any language.
NAMES = frozenset(
    {"CSV", "XLSX", "English", "Svenska", "fleetsync", "check", "sync", "map", "init", "user", "add", "publish"}
)
SV, EN = Localiser("sv", "Europe/Stockholm"), Localiser("en", "Europe/Stockholm")


def tree(path: Path) -> nodes.Template:
    return Environment(extensions=["jinja2.ext.do"], autoescape=True).parse(path.read_text())


def sentences_of(path: Path) -> Iterator[tuple[str, str, set[str]]]:
    for call in tree(path).find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name == "t":
            sv, en = (argument.value for argument in call.args if isinstance(argument, nodes.Const))
            yield sv, en, {keyword.key for keyword in call.kwargs}


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_every_sentence_is_said_in_both_languages_with_the_same_words_in_it(path):
    for sv, en, words in sentences_of(path):
        assert sv.strip()
        assert en.strip()
        assert placeholders(sv) == placeholders(en) == words, sv


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_every_sentence_of_the_code_is_said_in_both_languages_too(path):
    for call in ast.walk(ast.parse(path.read_text())):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "t":
            constants = [str(argument.value) for argument in call.args if isinstance(argument, ast.Constant)]
            if not constants:
                continue  # a pair that a table holds
            sv, en = constants
            assert sv.strip()
            assert en.strip()
            assert placeholders(sv) == placeholders(en) == {keyword.arg for keyword in call.keywords}, sv


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_word_stands_outside_of_a_sentence(path):
    outside = "".join(data.data for data in tree(path).find_all(nodes.TemplateData))
    visible = re.sub(r"<[^>]*>", " ", outside)

    assert set(re.findall(r"[A-Za-zÅÄÖåäö]{2,}", visible)) <= NAMES


@pytest.mark.parametrize(
    ("table", "values"),
    [
        (display_names.PLATFORMS, Platform),
        (display_names.FORM_FACTORS, FormFactor),
        (display_names.PURPOSES, Purpose),
        (display_names.STAGES, Stage),
        (display_names.SEVERITIES, Severity),
        (display_names.VERDICTS, Verdict),
        (display_names.PART_ROLES, PartRole),
        (display_names.MEMBERSHIPS, MembershipType),
        (display_names.EMPLOYMENT_FORMS, EmploymentForm),
        (display_names.CONDITIONS, Condition),
        (display_names.KEY_SCHEMES, Scheme),
        (display_names.ACTING_ROLES, ActingRole),
        (policy_sentences.PURPOSE_CLAUSES, Purpose),
        (policy_sentences.EMPLOYMENT_CLAUSES, EmploymentForm),
        (policy_sentences.ROUNDINGS, RoundBy),
    ],
)
def test_every_value_has_a_name(table, values):
    assert {str(value) for value in values} <= {str(key) for key in table}


def test_every_gap_and_measure_has_a_name_in_both_languages():
    named = [kind.title for kind in GAPS] + [kind.remedy for kind in GAPS]
    named += [display_names.MEASURE_TITLES[measure.name.removeprefix("fleetsync_")] for measure in MEASURES]

    assert all(text.sv and text.en for text in named)


def test_a_value_nobody_named_is_called_what_it_is():
    assert display_names.word(display_names.STAGES, "molten") == Text("molten", "molten")


@pytest.mark.parametrize(
    ("ratio", "sv", "en"),
    [
        (None, "–", "–"),
        (1.0, "100\u00a0%", "100%"),
        (0.99999, "99,9\u00a0%", "99.9%"),
        (0.9345, "93,4\u00a0%", "93.4%"),
        (0.29, "29,0\u00a0%", "29.0%"),
        (0.0, "0\u00a0%", "0%"),
    ],
)
def test_what_is_not_all_is_never_called_all(ratio, sv, en):
    assert (SV.percent(ratio), EN.percent(ratio)) == (sv, en)


def test_words_in_a_sentence_are_escaped():
    assert SV.t("Enhet {name}", "Unit {name}", name="<b>") == "Enhet &lt;b&gt;"


def test_numbers_are_grouped_and_have_a_real_minus():
    assert SV.number(12345) == "12\u00a0345"
    assert SV.number(-3) == "−3"
    assert SV.points(-0.012) == "−1,2"
    assert SV.points(0.0) == "±0,0"


def test_fields_of_a_device_are_named():
    assert all(text.sv and text.en for text in template_helpers.DEVICE_FIELDS.values())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("på reparation sedan 2026-11-02", "på reparation sedan 2 nov. 2026"),
        ("täckningen var 9 av 10 den 2026-11-02, nu 8", "täckningen var 9 av 10 den 2 nov. 2026, nu 8"),
        ("personal_2026-11-24.csv rad 17", "personal_2026-11-24.csv rad 17"),
        ("läst 2026-11-24T06:00", "läst 2026-11-24T06:00"),
        ("numret 2026-13-40", "numret 2026-13-40"),
    ],
)
def test_a_day_in_a_sentence_of_the_core_is_written_as_the_language_does(text, shown):
    assert Localiser("sv", "Europe/Stockholm").translate(Text(text, text)).replace("\u00a0", " ") == shown
