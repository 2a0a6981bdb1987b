import os
import pickle
from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from fleetsync.core.model import PartRole, RecordType
from fleetsync.pull import contract
from fleetsync.pull.contract import (
    PageTokenExpired,
    Part,
    PartMissing,
    PullError,
    RecordError,
    SourceRefused,
    SourceSettings,
    SourceUnavailable,
    Stopped,
    parse_duration,
)

SECRET = SecretStr("hemlig-7f3a")


class JamfSettings(SourceSettings):
    client_secret: SecretStr | None = None
    client_secret_file: Path | None = None


def settings(context=None, **keys):
    return JamfSettings.model_validate({"kind": "jamf_pro", "name": "jamf-north"} | keys, context=context)


SIGN_INS = (
    contract.Bearer(SECRET),
    contract.ApiKey("X-API-Key", SECRET),
    contract.Basic("731", SECRET),
    contract.ClientSecret("https://login.exempelby.se/token", "app", SECRET),
    contract.ClientCertificate("https://login.exempelby.se/token", "app", "PEM", SECRET, SECRET),
    contract.SignedAssertion("https://login.exempelby.se/token", "app", SECRET, "kid", "https://aud.exempelby.se"),
    contract.ServiceAccount("https://login.exempelby.se/token", "robot@exempelby.se", SECRET, "admin", ("a",)),
    contract.MutualTls(Path("c.pem"), Path("k.pem"), contract.Bearer(SECRET)),
)


@pytest.mark.parametrize("auth", SIGN_INS, ids=lambda auth: type(auth).__name__)
def test_no_sign_in_shows_its_secret(auth):
    assert "hemlig" not in repr(auth) + str(auth) + f"{auth}"


def test_every_kind_of_sign_in_is_among_those_that_are_looked_at():
    assert {type(auth) for auth in SIGN_INS} | {contract.NoAuth} == set(contract.Auth.__args__)


def test_a_part_is_whole_and_demands_nothing_unless_it_says_so():
    part = Part("devices", (RecordType.DEVICE,))

    assert [getattr(part, field.name) for field in fields(part)] == [
        "devices", (RecordType.DEVICE,), PartRole.ROSTER, (), False, False, "whole", False, False, "",
    ]  # fmt: skip


@pytest.mark.parametrize("error", [SourceUnavailable, SourceRefused, PartMissing, RecordError])
def test_remedies_are_kinds_of_their_own(error):
    others = {SourceUnavailable, SourceRefused, PartMissing, RecordError} - {error}

    assert issubclass(error, PullError)
    assert not any(issubclass(error, other) for other in others)


@pytest.mark.parametrize("error", [PageTokenExpired, Stopped])
def test_what_passes_by_itself_is_a_source_that_is_unavailable(error):
    assert issubclass(error, SourceUnavailable)


# ---------------------------------------------------------------------------------------------------------- durations

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


@given(st.integers(1, 9999), st.sampled_from(sorted(UNITS)))
def test_a_duration_is_always_its_number_times_its_unit(number, unit):
    assert parse_duration(f"{number}{unit}") == timedelta(seconds=number * UNITS[unit])


def test_a_duration_that_is_one_stays_as_it_is():
    assert parse_duration(timedelta(days=35)) == timedelta(days=35)


@pytest.mark.parametrize("text", ["", "1", "h", "0h", "-1h", "1.5h", "1h30m", "1 month", 3600, None, True])
def test_what_is_no_duration_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match='such as "30m"'):
        parse_duration(text)


# ------------------------------------------------------------------------------------------------- a [[source]] table


def test_a_source_needs_no_more_than_its_kind_and_name():
    source = settings()

    assert (source.every, source.freshness_limit, source.number_namespace) == (
        timedelta(hours=1), timedelta(hours=1), "jamf-north",
    )  # fmt: skip
    assert (source.max_shrink_ratio, source.max_growth_ratio, source.grace_pulls, source.grace_hours) == (
        0.1, 0.25, 2, 20,
    )  # fmt: skip


def test_a_monthly_file_is_looked_at_hourly_and_late_after_35_days():
    source = settings(every="1h", expected_every="35d", namespace="hr")

    assert (source.every, source.freshness_limit, source.number_namespace) == (
        timedelta(hours=1), timedelta(days=35), "hr",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("max_shrink_ratio", 9),
        ("max_growth_ratio", -1),
        ("grace_pulls", -1),
        ("every", "often"),
        ("name", "Jamf Nord"),
        ("shrink", 0.1),
        ("secrets_dirs", ["/tmp"]),
    ],
)
def test_a_wrong_value_and_an_unknown_key_are_refused(key, value):
    with pytest.raises(ValidationError, match=key):
        settings(**{key: value})


def test_settings_are_frozen():
    source = settings()
    with pytest.raises(ValidationError):
        source.trust = 3


def test_a_refused_value_is_not_quoted():
    with pytest.raises(ValidationError) as refusal:
        settings(client_secret=["hemlig-7f3a"])

    assert "hemlig" not in str(refusal.value)


def test_a_secret_is_read_from_its_file_at_each_pull(tmp_path):
    file = tmp_path / "secret"
    file.write_text("first\n")
    source = settings(client_secret_file=file)
    assert source.secret("client_secret").get_secret_value() == "first"

    file.write_text("second\n")
    assert source.secret("client_secret").get_secret_value() == "second"


def test_the_environments_secret_goes_before_the_file(tmp_path):
    (tmp_path / "secret").write_text("from file")
    source = settings(client_secret="from environment", client_secret_file=tmp_path / "secret")

    assert source.secret("client_secret").get_secret_value() == "from environment"
    assert "from environment" not in repr(source)


def test_a_secret_is_found_in_the_first_folder_that_offers_it(tmp_path):
    first, second = tmp_path / "credentials", tmp_path / "run-secrets"
    first.mkdir(), second.mkdir()
    (second / "jamf-north-client_secret").write_text("offered")
    source = settings({"secrets_dirs": (first, second)})

    assert source.has_secret("client_secret")
    assert source.secret("client_secret").get_secret_value() == "offered"


def test_a_missing_secret_names_the_keys_that_would_give_it():
    source = settings()

    assert not source.has_secret("client_secret")
    with pytest.raises(SourceRefused, match=r"jamf-north: .*client_secret_file .*jamf-north-client_secret"):
        source.secret("client_secret")


@pytest.mark.parametrize(
    ("content", "says"), [(None, "No such file"), (b"  \n", "is empty"), (b"\xff\xfe\x00", "not text")]
)
def test_a_secret_file_that_cannot_be_used_is_named(tmp_path, content, says):
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(SourceRefused, match=rf"client_secret_file .*{file.name} .*{says}"):
        settings(client_secret_file=file).secret("client_secret")


@given(
    st.text(
        st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters="*"), min_size=8, max_size=40
    )
)
def test_a_secret_never_appears_in_the_text_of_settings(secret):
    source = settings(client_secret=secret)

    assert secret not in repr(source) + str(source) + os.linesep.join(map(repr, source.model_dump().values()))


def test_a_page_tells_nothing_that_it_was_not_told():
    page = contract.Page(["raw"])

    assert (page.total, page.as_of, page.scope, page.mark, page.fingerprint, page.rejected, page.drift) == (
        None, None, None, None, None, (), (),
    )  # fmt: skip
    assert pickle.loads(pickle.dumps(page)) == page
