"""Reads the values that sources send: text, words, times, numbers, platforms, keys, school forms. Shared by all connectors.

    platform = read_platform(raw.os, raw.model, "os", unknown)
    last_contact_at = parse_instant(raw.last_seen, "lastSeen", zone=settings.zone)

Nothing is guessed. A blank is None. An unknown word means nothing and is reported as `UnknownValue`. A value that cannot
be read raises `RecordError` with the name of its field and never with the value. Nothing here opens a file or a
connection: `probing` is given what to ask.
"""

from fleetsync.core.school_forms import AFTER_SCHOOL_FORMS, STANDARD_FORMS, EnrolmentPeriod, is_child
from fleetsync.pull.decoding.civic_numbers import CivicNumber, civic_number, without_civic_number
from fleetsync.pull.decoding.days import DateOrder, parse_day, parse_day_or_none
from fleetsync.pull.decoding.grades import Grade, parse_grade
from fleetsync.pull.decoding.ids import IdNumbering, MadeId, make_id, record_of_made_id
from fleetsync.pull.decoding.instants import ZoneName, local_noon, parse_instant
from fleetsync.pull.decoding.json_api import JsonApiPage, json_api_pages
from fleetsync.pull.decoding.keys import is_in_domains, login_key
from fleetsync.pull.decoding.numbers import parse_boolean, parse_number, parse_whole_number, share_of_percent
from fleetsync.pull.decoding.paging import OffsetPaging, pages_of_accepted_query
from fleetsync.pull.decoding.platforms import platform_of_model, platform_of_word, read_platform
from fleetsync.pull.decoding.probing import credential_result, missing_columns, probe_files, probe_part
from fleetsync.pull.decoding.rows import (
    DecodeHook,
    ReadRows,
    RowReader,
    SourceRow,
    UnreadableFacts,
    unreadable_fields,
    with_unreadable,
)
from fleetsync.pull.decoding.text import (
    clean,
    clean_text,
    fold_text,
    fold_word,
    known_text,
    next_page_text,
    required_text,
)
from fleetsync.pull.decoding.vocabulary import (
    WITHHELD_TEXT,
    is_protected,
    parse_condition,
    parse_employment_form,
    parse_purpose,
    parse_school_form,
    parse_year,
    reportable_word,
)
from fleetsync.pull.decoding.words import known_word, report_unknown

__all__ = [
    "AFTER_SCHOOL_FORMS",
    "STANDARD_FORMS",
    "WITHHELD_TEXT",
    "CivicNumber",
    "DateOrder",
    "DecodeHook",
    "EnrolmentPeriod",
    "Grade",
    "IdNumbering",
    "JsonApiPage",
    "MadeId",
    "OffsetPaging",
    "ReadRows",
    "RowReader",
    "SourceRow",
    "UnreadableFacts",
    "ZoneName",
    "civic_number",
    "clean",
    "clean_text",
    "credential_result",
    "fold_text",
    "fold_word",
    "is_child",
    "is_in_domains",
    "is_protected",
    "json_api_pages",
    "known_text",
    "known_word",
    "local_noon",
    "login_key",
    "make_id",
    "missing_columns",
    "next_page_text",
    "pages_of_accepted_query",
    "parse_boolean",
    "parse_condition",
    "parse_day",
    "parse_day_or_none",
    "parse_employment_form",
    "parse_grade",
    "parse_instant",
    "parse_number",
    "parse_purpose",
    "parse_school_form",
    "parse_whole_number",
    "parse_year",
    "platform_of_model",
    "platform_of_word",
    "probe_files",
    "probe_part",
    "read_platform",
    "record_of_made_id",
    "report_unknown",
    "reportable_word",
    "required_text",
    "share_of_percent",
    "unreadable_fields",
    "with_unreadable",
    "without_civic_number",
]
