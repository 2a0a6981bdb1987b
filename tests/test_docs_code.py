"""What the documents say of the code is true: names can be imported, cited sections exist, lists of values are whole."""

import ast
import importlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from fleetsync.core.entitlement import RULES
from fleetsync.core.lifecycle import GAPS
from fleetsync.core.measures import MEASURES
from fleetsync.core.model import EntitlementMode, Purpose, RecordType, Stage, Subject, Verdict
from fleetsync.expose.display_names import MEASURE_TITLES
from fleetsync.pull.registry import connector_kinds, load_connector
from fleetsync.store.tables import metadata

ROOT = Path(__file__).parents[1]
DOMAIN = ROOT / "docs" / "domain.md"
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")), ROOT / "connectors" / "README.md"]
DOTTED_NAME = re.compile(r"`((?:fleetsync|connectors)(?:\.\w+)+)`")
SOURCES = [
    file
    for folder in ("fleetsync", "connectors", "tests", "dashboards", "docs")
    for file in sorted((ROOT / folder).rglob("*.py"))
]
CITATION = re.compile(r"`(?P<document>[\w/-]+\.md)`(?P<sections>(?:,? §\d+(?:\.\d+)?(?: [A-Z]\w+)?)+)")
CITED_SECTION = re.compile(r"§(?P<section>\d+)(?:\.(?P<rule>\d+))?(?: (?P<word>[A-Z]\w+))?")


# --- names ------------------------------------------------------------------------------------------------------------


def is_defined(dotted: str) -> bool:
    """Whether *dotted* is a module, or a name in one: a function, a class, a constant, a method or a field."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        try:
            module = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        return _has_member(module, parts[length:])
    return False


def _has_member(module: ModuleType, names: Iterable[str]) -> bool:
    owner: object = module
    for name in names:
        # A field without a default is only in the annotations of its class.
        if not hasattr(owner, name) and name not in getattr(owner, "__annotations__", {}):
            return False
        owner = getattr(owner, name, None)
    return True


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_name_of_the_code_in_a_document_exists(document: Path) -> None:
    names = DOTTED_NAME.findall(document.read_text(encoding="utf-8"))
    # An address such as `fleetsync.exempelby.se`, or the name of an entry-point group, is no name of the code.
    named = {name for name in names if not name.endswith((".se", ".db", ".service", ".connectors"))}

    assert {name for name in named if not is_defined(name)} == set()


def test_a_name_that_does_not_exist_is_noticed() -> None:
    assert is_defined("fleetsync.core.model.BelievedRecord.absent_since")
    assert not is_defined("fleetsync.core.model.BelievedRecord.vanished_since")
    assert not is_defined("fleetsync.core.nowhere.reconcile")


@pytest.fixture(scope="module")
def words_of_the_program() -> set[str]:
    """All words of the program's own text: code, example configuration, calendars, rules."""
    files = [
        file
        for folder in ("fleetsync", "connectors", "schedules", "dashboards")
        for file in (ROOT / folder).rglob("*")
        if file.suffix in {".py", ".toml", ".yml", ".html"}
    ]
    texts = [
        file.read_text(encoding="utf-8") for file in (*files, ROOT / "config.example.toml", ROOT / "pyproject.toml")
    ]
    tests = {file.stem for file in (ROOT / "tests").rglob("test_*.py")}
    return tests | {word for text in texts for word in re.findall(r"\w+", text)}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_identifier_in_a_document_occurs_in_the_program(document: Path, words_of_the_program: set[str]) -> None:
    """A kind, a key, a table or a field that was renamed is noticed, whatever it is."""
    spans = re.findall(r"`([^`\n]+)`", document.read_text(encoding="utf-8"))
    identifiers = {word for span in spans for word in re.findall(r"\b[a-z]+(?:_[a-z0-9]+)+\b", span)}

    assert {word for word in identifiers if not word.startswith(("fleetsync_", "python_"))} <= words_of_the_program


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_table_of_values_named_in_a_document_exists(document: Path, words_of_the_program: set[str]) -> None:
    constants = set(re.findall(r"`([A-Z][A-Z_]{3,})`", document.read_text(encoding="utf-8")))

    assert constants - {"MODES", "CASE", "CASES"} <= words_of_the_program


def test_every_row_of_the_glossary_names_the_code() -> None:
    by_hand = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").partition("## Values")[0]
    rows = [line for line in by_hand.splitlines() if line.startswith("| ") and not line.startswith("| English")]

    assert len(rows) > 50
    assert [row for row in rows if not DOTTED_NAME.search(row)] == []


# --- sections that the code cites -------------------------------------------------------------------------------------


def domain_sections() -> dict[str, str]:
    """The text of each section by its number."""
    pieces = re.split(r"^## (\d+)\. ", DOMAIN.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


SECTIONS = domain_sections()


def citations() -> Iterator[tuple[str, str, str]]:
    for file in SOURCES:
        for citation in CITATION.finditer(file.read_text(encoding="utf-8")):
            yield str(file.relative_to(ROOT)), citation["document"], citation["sections"]


def test_the_domain_rules_are_numbered_without_a_break() -> None:
    assert list(SECTIONS) == [str(number) for number in range(1, len(SECTIONS) + 1)]


def test_the_code_cites_only_the_domain_rules() -> None:
    assert [(file, document) for file, document, _ in citations() if document != "domain.md"] == []


def test_every_section_that_the_code_cites_exists() -> None:
    missing = [
        (file, cited[0])
        for file, _, sections in citations()
        for cited in CITED_SECTION.finditer(sections)
        if not _is_in_domain(cited["section"], cited["rule"], cited["word"])
    ]

    assert missing == []


def _is_in_domain(section: str, rule: str | None, word: str | None) -> bool:
    text = SECTIONS.get(section)
    if text is None or (rule is not None and not re.search(rf"^{rule}\. \*\*", text, re.MULTILINE)):
        return False
    return word is None or f"**{word}" in text


# --- lists of values in the domain rules ------------------------------------------------------------------------------


def test_the_stages_are_documented_in_their_order() -> None:
    order = SECTIONS["5"].partition("\n\n")[2].partition("\n\n")[0]

    assert re.findall(r"(?:^Exactly one, the first that holds:|›)\s+`(\w+)`", order) == [stage.value for stage in Stage]


@pytest.mark.parametrize("subject", Subject)
def test_the_gap_kinds_of_a_subject_are_documented(subject: Subject) -> None:
    row = re.search(rf"^\| {subject.value} \| (.*) \|$", SECTIONS["6"], re.MULTILINE)

    assert row is not None
    kinds = {name for name in re.findall(r"`(\w+)`", row[1]) if name not in {"absent_since", "expects_mdm", "unplaced"}}
    ids = {gap.id for gap in GAPS if gap.subject is subject}
    assert kinds | {"unplaced"} >= ids
    assert kinds <= {gap.id for gap in GAPS}


@pytest.mark.parametrize("values", [Verdict, Purpose], ids=lambda enum: enum.__name__)
def test_the_vocabulary_names_every_value(values: type[Verdict] | type[Purpose]) -> None:
    assert {f"`{member.value}`" for member in values} <= set(re.findall(r"`\w+`", SECTIONS["1"]))


def test_the_policy_section_names_every_rule_and_mode() -> None:
    names = set(re.findall(r"`(\w+)`", SECTIONS["4"]))

    assert {rule.id for rule in RULES} <= names
    assert {mode.value for mode in EntitlementMode} <= names


def test_every_table_in_the_architecture_exists() -> None:
    section = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").partition("## 4. The store")[2]
    first_cells = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)

    assert {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)} <= set(metadata.tables)


# --- what CONTRIBUTING promises of each kind of change ----------------------------------------------------------------

CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_a_connector_is_one_file_or_folder_that_satisfies_the_contract() -> None:
    kinds = {
        path.stem
        for path in (ROOT / "connectors").iterdir()
        if path.name not in {"__init__.py", "__pycache__", "py.typed", "README.md"}
    }

    assert kinds == set(connector_kinds())
    offered = {"PARTS", "Settings", "pull", "normalise"}
    assert [kind for kind in kinds if not offered <= set(vars(load_connector(kind)))] == []


def test_a_measure_has_its_help_and_its_title() -> None:
    untitled = [measure.name for measure in MEASURES if measure.name.removeprefix("fleetsync_") not in MEASURE_TITLES]

    assert untitled == []
    assert [measure.name for measure in MEASURES if not (measure.help.sv and measure.help.en)] == []


def test_a_gap_kind_is_one_function_and_one_entry_with_its_texts() -> None:
    texts = [text for gap in GAPS for text in (gap.title.sv, gap.title.en, gap.remedy.sv, gap.remedy.en)]

    assert all(texts)
    assert len({gap.id for gap in GAPS}) == len(GAPS)


def test_a_page_of_the_web_has_its_template() -> None:
    folder = ROOT / "fleetsync" / "expose" / "web"
    rendered = {
        str(call.args[0].value)
        for file in folder.rglob("*.py")
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id == "render_template"
        and isinstance(call.args[0], ast.Constant)
    }

    assert "overview.html" in rendered
    assert {name for name in rendered if not (folder / "templates" / name).is_file()} == set()


def test_a_record_type_of_the_database_has_a_word_in_the_vocabulary() -> None:
    words = SECTIONS["1"]

    assert [
        kind.value
        for kind in (RecordType.DEVICE, RecordType.PERSON, RecordType.MEMBERSHIP, RecordType.UNIT, RecordType.GROUP)
        if f"**{kind.value}**" not in words
    ] == []


@pytest.mark.parametrize(
    "change",
    [
        "another kind of source",
        "a new number",
        "a new finding",
        "a column of a device",
        "another way to count",
        "a page",
        "a change of the database's tables",
        "another database",
    ],
)
def test_every_kind_of_change_has_its_row(change: str) -> None:
    assert re.search(rf"^\| {re.escape(change)}", CONTRIBUTING, re.MULTILINE)
