"""Reads the lists of a register, all of them together once any is new, since several may name one person."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

from connectors.register_file.columns import COLUMNS, NEEDED_FIELDS
from connectors.register_file.people import ListedPerson, ListRecords, ReadList, groups_of, people_of
from connectors.register_file.rows import ListedGroup, misfit_reader, row_parser
from connectors.register_file.settings import Settings
from fleetsync.core.model import PartRole, RecordType
from fleetsync.pull.contract import Connect, Page, Part, ProbeResult, SourceFile
from fleetsync.pull.decoding import missing_columns, probe_files
from fleetsync.pull.files import RowPersonReader, pages_of_records

_PERSON_RECORDS = (RecordType.PERSON, RecordType.MEMBERSHIP)
PARTS = (
    Part("groups", (RecordType.GROUP,), role=PartRole.ROSTER, may_be_empty=True),
    Part("pupils", _PERSON_RECORDS, role=PartRole.ROSTER, after=("groups",), may_be_empty=True),
    Part("children", _PERSON_RECORDS, role=PartRole.ROSTER, after=("groups",), may_be_empty=True),
)


def pull(part: str, settings: Settings, connect: Connect) -> Iterator[Page]:
    """All records of the part. Each list is a whole of its own; a record that several have is the newest one's."""
    lists: list[ReadList] = []
    for file in _files(settings, connect):
        if file.problem:
            yield from file.pages(lambda row: row, scope=file.scope)
        else:
            lists.append(_read_list(file, settings, connect))
    for each, records in zip(lists, _records(part, lists, connect), strict=True):
        drift = missing_columns(each.file, _needed_fields(settings))
        yield from pages_of_records(
            each.file, records.raws, (*each.rejected, *records.left), drift, scope=each.file.scope
        )


def _files(settings: Settings, connect: Connect) -> Iterator[SourceFile]:
    return connect.files(settings.path, COLUMNS, form=settings, each_whole=True, reads_together=True)


def _read_list(file: SourceFile, settings: Settings, connect: Connect) -> ReadList:
    whole, persons = ReadList(file), RowPersonReader(file, settings, connect)
    for page in file.pages(row_parser(file, settings, persons, connect.today), misfit=misfit_reader(persons)):
        whole.rows += page.raws
        whole.rejected += page.rejected
    return whole


def _records(part: str, lists: Sequence[ReadList], connect: Connect) -> list[ListRecords]:
    return groups_of(lists) if part == "groups" else people_of(part, lists, connect.today)


def _needed_fields(settings: Settings) -> Mapping[str, tuple[str, ...]]:
    """The columns that coverage rests on, without those that the configuration stands in for."""
    given = {"school form": settings.school_form, "unit": settings.list_units}
    return MappingProxyType({name: fields for name, fields in NEEDED_FIELDS.items() if not given.get(name)})


def probe(settings: Settings, connect: Connect) -> Iterator[ProbeResult]:
    """Whether each list can be read to its end, for which day it speaks, which columns it lacks, and whom it has."""
    lists: list[ReadList] = []

    def count_people(file: SourceFile) -> int:
        lists.append(_read_list(file, settings, connect))
        return len({row.person.person for row in lists[-1].rows})

    groups, pupils, children = PARTS
    yield from probe_files(
        pupils, _files(settings, connect), count_people, noun="people", groups=_needed_fields(settings)
    )
    if not lists:
        return
    counted: Mapping[Part, Callable[[object], bool]] = {
        groups: lambda raw: isinstance(raw, ListedGroup),
        children: lambda raw: isinstance(raw, ListedPerson),
    }
    for part, is_counted in counted.items():
        records = _records(part.name, lists, connect)
        number = sum(is_counted(raw) for each in records for raw in each.raws)
        yield ProbeResult(part.name, ok=True, what=f"{part.name} in these lists: {number}")
