"""Every fault a configuration can have, and the message for it."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsync.settings import SettingsError, load

RULE = """
[[entitlement]]
id = "{id}"
title = "Elever"
origin = "Planen"
who = {{ memberships = ["enrolment"] }}
mode = "per_head"
{more}
"""
MAIL = '[mail]\nhost = "mail.exempelby.se"\nsender = "fleetsync@exempelby.se"\n'
UNIT = '[[unit]]\nslug = "{}"\nname = "En skola"\n{}\n'
SOURCE = '[[source]]\nkind = "staff_file"\nname = "{}"\n'


def refusal(folder: Path, toml: str, **environ: str) -> str:
    file = folder / "config.toml"
    file.write_text(toml, encoding="utf-8")
    with pytest.raises(SettingsError) as refused:
        load(file, environ=environ)
    return str(refused.value)


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        (
            "[staleness]\nstale_after_school_dayz = 3",
            "config.toml: [staleness] stale_after_school_dayz is not a known key. Did you mean stale_after_school_days?",
        ),
        (
            "[staleness]\nstale_after_school_days = -3",
            "config.toml: [staleness] stale_after_school_days = -3 must be 1 or more",
        ),
        (
            "[staleness]\nstale_after_school_days = 20\nsilent_after_school_days = 10",
            "config.toml: [staleness] silent_after_school_days = 10 must not be less than stale_after_school_days = 20",
        ),
        (
            "[staleness]\nby_platform = { ipad = 3 }",
            "config.toml: [staleness] by_platform.ipad is not a known key. Did you mean ipados?",
        ),
        (
            "[staleness]\nby_platform = { ipados = 0 }",
            "config.toml: [staleness] by_platform.ipados = 0 must be 1 or more",
        ),
        (
            "[databas]\nurl = 1",
            "config.toml: [databas] is not a known section. Did you mean [database]?",
        ),
        (
            "[[unitt]]\nslug = 1",
            "config.toml: [unitt] is not a known section. Did you mean [[unit]]?",
        ),
        ("web = 3", "config.toml: [web] = 3 must be a table"),
        ('[unit]\nslug = "x"', "config.toml: [[unit]] must be given as tables: write [[unit]] above each"),
        ('source = "x"', "config.toml: [[source]] must be given as tables: write [[source]] above each"),
        ("source = [3]", "config.toml: [[source]] 1: must be a table"),
        ('[web]\nlisten = "8470"', 'config.toml: [web] listen must be host:port, such as "127.0.0.1:8470"'),
        ('[web]\nlisten = "h:0"', 'config.toml: [web] listen must be host:port, such as "127.0.0.1:8470"'),
        (
            '[web]\npublic_url = "fleetsync.exempelby.se"',
            'config.toml: [web] public_url must be an address such as "https://fleetsync.exempelby.se"',
        ),
        (
            '[web]\npublic_url = "https://[fleetsync"',
            'config.toml: [web] public_url must be an address such as "https://fleetsync.exempelby.se"',
        ),
        ('[web]\ntrusted_proxies = "many"', "config.toml: [web] trusted_proxies must be a whole number"),
        ("[web]\ntrusted_proxies = 1.5", "config.toml: [web] trusted_proxies = 1.5 must be a whole number"),
        ('[web]\nlanguage = "se"', "config.toml: [web] language must be one of sv, en"),
        ("[web]\nsession_key_file = 3", "config.toml: [web] session_key_file = 3 must be the path of a file, in quotation marks"),
        (
            '[municipality]\ntime_zone = "Sweden"',
            'config.toml: [municipality] time_zone must be the name of a time zone, such as "Europe/Stockholm"',
        ),
        (
            '[municipality]\norganisation_numbers = ["4711"]',
            'config.toml: [municipality] organisation_numbers must hold ten digits each, such as "212000-0000"',
        ),
        (
            '[municipality]\norganisation_numbers = "212000-0000"',
            'config.toml: [municipality] organisation_numbers must be a list, such as ["one", "two"]',
        ),
        ("[municipality]\nname = 3", "config.toml: [municipality] name = 3 must be text in quotation marks"),
        ("[municipality]\nname = true", "config.toml: [municipality] name = true must be text in quotation marks"),
        ('[municipality]\nnot_ours = [""]', "config.toml: [municipality] not_ours must be not empty"),
        ("[database]\nkeep_backups = 0", "config.toml: [database] keep_backups = 0 must be 1 or more"),
        (
            '[database]\nurl = "a.db"\nurl_file = "b"',
            "config.toml: [database] url and url_file are both given. Remove one of them",
        ),
        (
            '[identity]\nmatch_on_civic_number = "perhaps"',
            "config.toml: [identity] match_on_civic_number must be true or false",
        ),
        (
            UNIT.format("Vretaskolan", ""),
            "config.toml: [[unit]] Vretaskolan: slug must be of small letters a to z, digits, - and _, at most 63",
        ),
        ('[[unit]]\nslug = "vretaskolan"', "config.toml: [[unit]] vretaskolan: name is missing. Add it; config.example.toml shows how"),
        ('[[unit]]\nname = "Vreta"', "config.toml: [[unit]] 1: slug is missing. Add it; config.example.toml shows how"),
        (UNIT.format("central", ""), "config.toml: [[unit]] central: this slug is reserved. Give the unit another"),
        (
            UNIT.format("a", "") + UNIT.format("a", ""),
            "config.toml: [[unit]] a: two units have this slug. Give each its own",
        ),
        (
            UNIT.format("a", 'codes = ["Ab1"]') + UNIT.format("b", 'codes = [" aB1"]'),
            "config.toml: [[unit]] b: code ' aB1' is given to a too. A code names one unit",
        ),
        (
            SOURCE.format("hr") + UNIT.format("vretaskolan", "")
            + '[[unit_map]]\nsource = "hrm"\nfield = "location"\npattern = "V*"\nunit = "vretaskola"',
            ("config.toml: [[unit_map]] 1: source = 'hrm' is no [[source]] of this file. Did you mean hr?\n"
            "config.toml: [[unit_map]] 1: unit = 'vretaskola' is no [[unit]] of this file. Did you mean vretaskolan?"),
        ),
        (
            SOURCE.format("hr") + '[[unit_map]]\nsource = "hr"\nfield = "plats"\npattern = "V*"\nunit = "central"',
            "config.toml: [[unit_map]] 1: field must be one of location, groups, name, profile, tag, order, status",
        ),
        (
            '[[device_rule]]\nwhen = { location = "x" }\nunit = "unplaced"',
            "config.toml: [[device_rule]] 1: unit = 'unplaced' is no [[unit]] of this file. Known are central",
        ),
        (
            '[[device_rule]]\nwhen = { locaton = "x" }\npurpose = "set"',
            "config.toml: [[device_rule]] 1: when.locaton is not a known key. Did you mean location?",
        ),
        (
            '[[device_rule]]\nwhen = { location = "x" }\npurpose = "poool"',
            ("config.toml: [[device_rule]] 1: purpose = 'poool' must be one of personal, set, pool, loan, room, stock, repair, "
            "ignore, unsorted. Did you mean pool?"),
        ),
        (
            '[[device_rule]]\nwhen = { location = "x" }',
            "config.toml: [[device_rule]] 1: must say purpose, unit or groups",
        ),
        (
            '[[device_rule]]\nwhen = {}\npurpose = "set"',
            'config.toml: [[device_rule]] 1: when must hold at least one condition, such as when = { location = "Lager*" }',
        ),
        (
            RULE.format(id="pupils", more="target = 1.5"),
            "config.toml: [[entitlement]] pupils: target = 1.5 must be 0..1",
        ),
        (
            RULE.format(id="pupils", more="per = 5"),
            'config.toml: [[entitlement]] pupils: per = 5 is for mode = "pool" alone; remove it or change mode',
        ),
        (
            RULE.format(id="pupils", more="devices = 2").replace("per_head", "pool"),
            "config.toml: [[entitlement]] pupils: devices = 2 is not for a pool: how many share one device is per",
        ),
        (
            RULE.format(id="pupils", more="valid_from = 2027-01-01\nvalid_to = 2026-01-01"),
            "config.toml: [[entitlement]] pupils: valid_to = 2026-01-01 is before valid_from = 2027-01-01",
        ),
        (
            RULE.format(id="pupils", more='valid_from = "soon"'),
            "config.toml: [[entitlement]] pupils: valid_from must be a date without quotation marks: 2026-08-17",
        ),
        (
            RULE.format(id="pupils", more="target = 0.5"),
            "config.toml: [[entitlement]] pupils: alert_below = 0.95 must not be above target = 0.5",
        ),
        (
            RULE.format(id="pupils", more='units = ["berga"]'),
            "config.toml: [[entitlement]] pupils: units: 'berga' is no [[unit]] of this file. Known are central, unplaced",
        ),
        (
            RULE.format(id="pupils", more="").replace('["enrolment"]', "[]"),
            ("config.toml: [[entitlement]] pupils: who.memberships must name at least one, such as "
            'memberships = ["enrolment"]'),
        ),
        (
            RULE.format(id="pupils", more="").replace('["enrolment"]', '["group"]'),
            ('config.toml: [[entitlement]] pupils: who.memberships = ["group"] owes nobody: name "enrolment", '
            '"placement" or "employment"'),
        ),
        (
            RULE.format(id="pupils", more="").replace('["enrolment"]', '["enrolment"], lowest_grade_index = 10'),
            "config.toml: [[entitlement]] pupils: who.lowest_grade_index = 10 must be 0..9",
        ),
        (
            RULE.format(id="p", more="").replace('"]', '"], lowest_grade_index = 5, highest_grade_index = 4'),
            "config.toml: [[entitlement]] p: who.highest_grade_index = 4 must not be less than lowest_grade_index = 5",
        ),
        (
            RULE.format(id="pupils", more="valid_to = 2027-06-30") + RULE.format(id="pupils", more="valid_from = 2027-06-30"),
            ("config.toml: [[entitlement]] pupils: rules 1 and 2 of this id are both valid on 2027-06-30. "
            "End the former with valid_to, or rename one"),
        ),
        (
            RULE.format(id="pupils", more="valid_to = 2027-06-30") + RULE.format(id="pupils", more=""),
            ("config.toml: [[entitlement]] pupils: rules 1 and 2 of this id are both valid on 2027-06-30. "
            "End the former with valid_to, or rename one"),
        ),
        ('[[source]]\nkind = "intune"', "config.toml: [[source]] 1: name is missing"),
        ('[[source]]\nname = "jamf-north"', "config.toml: [[source]] jamf-north: kind is missing"),
        (SOURCE.format("hr") * 2, "config.toml: [[source]] hr: two sources have this name. Give each its own"),
        (
            SOURCE.format("hr-a") + SOURCE.format("hr_a"),
            "config.toml: [[source]] hr_a: hr-a and hr_a would read the same environment variables. Rename one of them",
        ),
        (
            '[calendar]\nname = "exempelby"\nfile = "x.toml"',
            "config.toml: [calendar] must give one of name, file, or [[calendar.term]] and what belongs to it",
        ),
        (
            '[calendar]\nname = "exempelbi"',
            "config.toml: [calendar] calendar 'exempelbi' is not shipped; use one of: exempelby, or name a file",
        ),
        (
            "[[calendar.term]]\nfirst = 2026-08-17\nlast = 2026-08-16",
            "config.toml: [calendar]: [[term]] 1: last = 2026-08-16 is before first = 2026-08-17; swap or correct them",
        ),
        (
            UNIT.format("bergaskolan", "") + '[calendar.unit.bergaskola]\nlike = "preschool"',
            "config.toml: [calendar] [unit.bergaskola] is no [[unit]] of config.toml. Did you mean bergaskolan?",
        ),
        (
            '[jobs]\npurge = "off"',
            'config.toml: [jobs]: purge = "off" is refused: the daemon relies on it; give it a time instead',
        ),
        ('[jobs]\npurg = "off"', "config.toml: [jobs]: purg is unknown; did you mean purge?"),
        ("[database]\nkeep_ended_terms = -1", "config.toml: [database] keep_ended_terms = -1 must be 0 or more"),
        (
            '[privacy]\nkey_file = "/var/lib/fleetsync/keys/privacy.key"',
            ("config.toml: [privacy] key_file /var/lib/fleetsync/keys/privacy.key lies in the database's folder. A copy of the "
            "database must not carry the key to its tokens: put it elsewhere, such as /etc/fleetsync/privacy.key"),
        ),
        (
            MAIL + 'recipients = { vretaskola = ["rektor@exempelby.se"] }\n' + UNIT.format("vretaskolan", ""),
            "config.toml: [mail] recipients: 'vretaskola' is no [[unit]] of this file. Did you mean vretaskolan?",
        ),
        (
            '[mail]\nrecipients = { central = ["chef@exempelby.se"] }',
            "config.toml: [mail] recipients are given and host is missing. Name the mail server in host",
        ),
        (
            MAIL + 'recipients = { central = ["chef@exempelby.se, rektor@exempelby.se"] }',
            'config.toml: [mail] recipients.central must be one mail address, such as "rektor.vretaskolan@exempelby.se"',
        ),
        (
            MAIL + "recipients = { central = [] }",
            "config.toml: [mail] recipients.central must name at least one mail address",
        ),
        (
            '[mail]\nhost = "mail.exempelby.se"',
            'config.toml: [mail] sender is missing; write for example sender = "fleetsync@exempelby.se"',
        ),
        (
            MAIL + 'user = "fleetsync"',
            "config.toml: [mail] user and password_file belong together: give both, or neither",
        ),
        (
            MAIL + 'security = "none"\nuser = "fleetsync"\npassword_file = "mail"',
            'config.toml: [mail] security = "none" would send the password readable; use "starttls" or "tls"',
        ),
        ("x =", "config.toml: is not TOML: Invalid value (at end of document). Compare config.example.toml"),
    ],
)  # fmt: skip
def test_a_fault_is_reported_with_its_place_and_remedy(tmp_path: Path, toml: str, message: str) -> None:
    assert refusal(tmp_path, toml) == message


def test_all_faults_are_reported_at_once(tmp_path: Path) -> None:
    message = refusal(tmp_path, '[web]\nlisten = "x"\n[database]\nkeep_backups = 0\n')

    assert [line.split("] ")[0] for line in message.splitlines()] == ["config.toml: [database", "config.toml: [web"]


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        (
            "FLEETSYNC_WEB__LISTEN",
            "x",
            'environment: FLEETSYNC_WEB__LISTEN must be host:port, such as "127.0.0.1:8470"',
        ),
        (
            "FLEETSYNC_WEB__LISTN",
            "x",
            "environment: FLEETSYNC_WEB__LISTN is not a known key. Did you mean FLEETSYNC_WEB__LISTEN?",
        ),
        ("FLEETSYNC_UNIT", "{", "environment: FLEETSYNC_UNIT must be JSON where it is a list or a table"),
        (
            "FLEETSYNC_UNIT",
            '[{"slug": "a"}]',
            "environment: FLEETSYNC_UNIT name is missing. Add it; config.example.toml shows how",
        ),
        (
            "FLEETSYNC_NOW",
            "2027-08-16T06:00",
            "environment: FLEETSYNC_NOW must be an instant with its zone, such as 2027-08-16T06:00+02:00",
        ),
        (
            "FLEETSYNC_NOW",
            "tomorrow",
            "environment: FLEETSYNC_NOW must be an instant with its zone, such as 2027-08-16T06:00+02:00",
        ),
    ],
)
def test_a_fault_in_the_environment_names_its_variable(tmp_path: Path, variable: str, value: str, message: str) -> None:
    assert refusal(tmp_path, "", **{variable: value}) == message


def test_the_clock_is_not_moved_where_others_can_see_the_page(tmp_path: Path) -> None:
    message = refusal(tmp_path, '[web]\nlisten = "0.0.0.0:8470"', FLEETSYNC_NOW="2027-08-16T06:00+02:00")

    assert "FLEETSYNC_NOW is for training and is refused while [web] listen is open to other machines" in message


@pytest.mark.parametrize(
    ("toml", "key"),
    [
        ('[database]\nurl = "postgresql+psycopg://fleetsync:{}@db.exempelby.se/fleetsync"', "[database] url"),
        ('[network]\nproxy = "http://fleetsync:{}@proxy.exempelby.se:3128"', "[network] proxy"),
    ],
)
def test_a_password_in_an_address_in_the_file_is_refused(tmp_path: Path, toml: str, key: str) -> None:
    message = refusal(tmp_path, toml.format("hunter2"))

    assert message == (
        f"config.toml: {key} holds a password, which may not stand in config.toml: "
        f"put the whole address in a file and name it in {key.split()[1]}_file"
    )


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.toml: cannot be read \(No such file or directory\)"):
        load(tmp_path / "nowhere.toml", environ={})


def test_a_file_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes('[municipality]\nname = "Åby"'.encode("cp1252"))

    with pytest.raises(SettingsError, match=r"config\.toml: is not UTF-8"):
        load(tmp_path / "config.toml", environ={})


def test_no_configuration_at_all_says_where_it_was_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(
        SettingsError, match=r"config\.toml, /etc/fleetsync/config\.toml\. Write one with: fleetsync init"
    ):
        load(environ={})


# ------------------------------------------------------------------------------------------------- secrets never show

secret_texts = st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyz0123456789"), min_size=12, max_size=40).map(
    "s{}".format
)
SECRET_KEYS = ("client_secret", "password", "api_key", "token", "session_key", "authorization", "cookie")
SECTIONS = (
    "municipality",
    "database",
    "web",
    "network",
    "staleness",
    "identity",
    "privacy",
    "calendar",
    "jobs",
)


@given(secret_texts, st.sampled_from(SECRET_KEYS), st.sampled_from(SECTIONS))
def test_a_secret_in_the_wrong_place_is_never_repeated(
    tmp_path_factory: pytest.TempPathFactory, secret: str, key: str, section: str
) -> None:
    message = refusal(tmp_path_factory.mktemp("etc"), f"[{section}]\n{key} = {json.dumps(secret)}")

    assert secret not in message


@given(secret_texts, st.sampled_from(["LISTEN", "TRUSTED_PROXIES", "LANGUAGE", "PUBLIC_URL", "LISTN"]))
def test_a_secret_in_the_wrong_variable_is_never_repeated(
    tmp_path_factory: pytest.TempPathFactory, secret: str, key: str
) -> None:
    message = refusal(tmp_path_factory.mktemp("etc"), "", **{f"FLEETSYNC_WEB__{key}": secret * 3})

    assert secret not in message


@given(secret_texts)
def test_a_secret_in_a_variable_that_is_no_json_is_never_repeated(
    tmp_path_factory: pytest.TempPathFactory, secret: str
) -> None:
    assert secret not in refusal(tmp_path_factory.mktemp("etc"), "", FLEETSYNC_UNIT="{" + secret)


@given(secret_texts)
def test_a_password_in_an_address_is_never_repeated(tmp_path_factory: pytest.TempPathFactory, secret: str) -> None:
    toml = f'[web]\npublic_url = "ftp://a:{secret}@x"\n[database]\nurl = "postgresql://a:{secret}@x/y"'

    assert secret not in refusal(tmp_path_factory.mktemp("etc"), toml)


@pytest.mark.parametrize(
    "toml",
    ["a = " + "[" * 5000 + "]" * 5000, "a = " + "{b = " * 3000 + "1" + "}" * 3000, "[" + ".".join("a" * 5000) + "]"],
)
def test_a_file_that_is_nested_too_deeply_is_refused_in_a_sentence(toml: str, tmp_path: Path) -> None:
    assert refusal(tmp_path, toml).startswith("config.toml:")


def test_a_variable_that_is_nested_too_deeply_is_refused_in_a_sentence(tmp_path: Path) -> None:
    text = refusal(tmp_path, "", FLEETSYNC_UNIT="[" * 50_000 + "]" * 50_000)

    assert "nested too deeply" in text or "must be JSON" in text
