"""The policy and calendars that the core receives from a configuration."""

from datetime import date
from pathlib import Path

import msgspec
import pytest

from fleetsync.core.entitlement import RULES
from fleetsync.core.model import (
    DeviceRule,
    EligibilityCriteria,
    Entitlement,
    EntitlementMode,
    MembershipType,
    Purpose,
    Staleness,
    Text,
    Unit,
    UnitMap,
)
from fleetsync.data import reference
from fleetsync.settings import Settings, load
from fleetsync.settings.listening import ListenAddress

WHOLE = """
[municipality]
organisation_numbers = ["212000-0000"]
not_ours = ["Solstrålen"]
[staleness]
stale_after_school_days = 10
by_platform = { chromeos = 20 }
[identity]
domain_aliases = { "skola.exempelby.se" = "exempelby.se" }
function_accounts = ["kassa*"]
enrolment_managers = ["dem@exempelby.se"]
max_devices_per_user = 7
match_on_civic_number = true
[[source]]
kind = "device_file"
name = "lists"
[[unit]]
slug = "vretaskolan"
name = "Vretaskolan"
codes = ["12345678"]
school_forms = ["GR"]
stale_after_school_days = 20
[[unit_map]]
source = "lists"
field = "location"
pattern = "Vreta*"
unit = "vretaskolan"
[[device_rule]]
when = { groups = "{unit} {class}" }
purpose = "set"
[[device_rule]]
when = { location = "Lager*" }
unit = "central"
groups = ["2B"]
[[entitlement]]
id = "pupils"
title = { sv = "Elever", en = "Pupils" }
origin = "Lokal plan"
who = { memberships = ["enrolment"], school_forms = ["GR"], lowest_grade_index = 4 }
mode = "personal"
units = ["vretaskolan"]
require = ["encrypted"]
valid_from = 2026-08-01
"""


def configured(folder: Path, toml: str) -> Settings:
    (folder / "config.toml").write_text(toml, encoding="utf-8")
    return load(folder / "config.toml", environ={})


def test_every_table_of_the_policy_reaches_the_core(tmp_path: Path) -> None:
    settings = configured(tmp_path, WHOLE)
    policy = settings.policy

    assert policy.units == (
        Unit(
            slug="vretaskolan",
            name="Vretaskolan",
            codes=("12345678",),
            school_forms=("GR",),
            stale_after_school_days=20,
        ),
    )
    assert policy.unit_maps == (UnitMap(source="lists", field="location", pattern="Vreta*", unit="vretaskolan"),)
    assert policy.device_rules == (
        DeviceRule(when={"groups": "{unit} {class}"}, purpose=Purpose.SET, name="[[device_rule]] 1"),
        DeviceRule(when={"location": "Lager*"}, unit="central", groups=("2B",), name="[[device_rule]] 2"),
    )
    assert policy.staleness == Staleness(stale_after_school_days=10, by_platform={"chromeos": 20})
    assert policy.entitlements == (
        Entitlement(
            id="pupils",
            title=Text("Elever", "Pupils"),
            origin="Lokal plan",
            who=EligibilityCriteria(
                memberships=(MembershipType.ENROLMENT,), school_forms=("GR",), lowest_grade_index=4
            ),
            mode=EntitlementMode.PERSONAL,
            units=("vretaskolan",),
            require=("encrypted",),
            valid_from=date(2026, 8, 1),
        ),
    )
    assert policy.domain_aliases == {"skola.exempelby.se": "exempelby.se"}
    assert (policy.function_accounts, policy.enrolment_managers) == (("kassa*",), ("dem@exempelby.se",))
    assert (policy.max_devices_per_user, policy.match_on_civic_number) == (7, True)
    assert (policy.organisation_numbers, policy.not_ours) == (("212000-0000",), ("Solstrålen",))
    assert policy.reference == reference()


def test_a_title_in_one_language_is_the_title_in_both(tmp_path: Path) -> None:
    toml = WHOLE.replace('{ sv = "Elever", en = "Pupils" }', '"Elever"')

    assert configured(tmp_path, toml).policy.entitlements[0].title == Text("Elever", "Elever")


def test_without_a_rule_of_one_s_own_the_plan_holds_as_shipped(tmp_path: Path) -> None:
    assert configured(tmp_path, "").policy.entitlements == RULES


def test_the_fingerprint_tells_policies_apart_and_nothing_else(tmp_path: Path) -> None:
    bare, again = configured(tmp_path, ""), configured(tmp_path, "[web]\ntrusted_proxies = 1")

    assert bare.policy.fingerprint == again.policy.fingerprint != ""
    assert configured(tmp_path, WHOLE).policy.fingerprint != bare.policy.fingerprint
    assert msgspec.structs.replace(bare.policy, fingerprint="") == msgspec.structs.replace(again.policy, fingerprint="")


@pytest.mark.parametrize(
    ("toml", "language"),
    [
        ("", "sv"),
        ('[municipality]\nlanguage = "en"', "en"),
        ('[municipality]\nlanguage = "en"\n[web]\nlanguage = "sv"', "sv"),
    ],
)
def test_the_page_uses_the_language_of_the_municipality_unless_web_says_another(
    tmp_path: Path, toml: str, language: str
) -> None:
    assert configured(tmp_path, toml).language == language


@pytest.mark.parametrize(
    ("listen", "host", "is_loopback"),
    [
        ("127.0.0.1:8470", "127.0.0.1", True),
        ("[::1]:8470", "::1", True),
        ("localhost:8470", "localhost", True),
        ("0.0.0.0:8470", "0.0.0.0", False),
        ("fleetsync.exempelby.se:8470", "fleetsync.exempelby.se", False),
    ],
)
def test_a_listening_address_knows_whether_others_can_reach_it(
    tmp_path: Path, listen: str, host: str, is_loopback: bool
) -> None:
    web = configured(tmp_path, f'[web]\nlisten = "{listen}"\nmetrics_listen = "127.0.0.1:9471"').web

    assert (web.address.host, web.address.port, web.address.is_loopback) == (host, 8470, is_loopback)


def test_metrics_have_an_address_of_their_own_unless_it_is_that_of_the_page(tmp_path: Path) -> None:
    together = configured(tmp_path, '[web]\nlisten = "127.0.0.1:8471"\nmetrics_listen = "127.0.0.1:8471"').web

    assert configured(tmp_path, "").web.metrics_address == ListenAddress("127.0.0.1", 9470)
    assert together.metrics_address is None


def test_a_shipped_calendar_is_named_and_one_of_one_s_own_is_written_here(tmp_path: Path) -> None:
    shipped = configured(tmp_path, '[calendar]\nname = "exempelby"').calendars
    own = configured(
        tmp_path,
        "[[calendar.term]]\nfirst = 2026-08-17\nlast = 2026-12-18\n"
        '[[calendar.closed]]\nfirst = 2026-10-26\nlast = 2026-10-30\nlabel = "höstlov"\n'
        '[calendar.unit.central]\nlike = "preschool"',
    ).calendars

    assert shipped.default.is_school_day(date(2026, 9, 1))
    assert own.default.is_school_day(date(2026, 10, 23))
    assert not own.default.is_school_day(date(2026, 10, 27))
    assert own.for_unit("central", preschool=False) != own.default


def test_a_job_s_time_is_replaced_by_name(tmp_path: Path) -> None:
    jobs = {job.name: job.at for job in configured(tmp_path, '[jobs]\npurge = "1 5 * * mon"\nbackup = "off"').jobs}

    assert (jobs["purge"].hour, jobs["purge"].weekday) == ("5", "mon")
    assert "backup" not in jobs
    assert "reconcile_day" in jobs
