"""From a `[[source]]` table to its connector, and what is said of a table that cannot be used."""

import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsync.core.model import PartRole, PullLimits
from fleetsync.pull import registry
from fleetsync.pull.registry import (
    RegistryError,
    Source,
    build_source,
    build_sources,
    connector_kinds,
    load_connector,
    secret_keys,
)
from fleetsync.settings import load

INTUNE: dict[str, Any] = {"kind": "intune", "name": "intune-a", "tenant": "exempelby.se", "client_id": "app"}
STAFF: dict[str, Any] = {"kind": "staff_file", "name": "hr", "path": "/srv/hr/*.csv"}


def refusal(table: dict[str, Any], **given: str) -> str:
    with pytest.raises(RegistryError) as refused:
        build_source(table, "config.toml", given=given)
    return str(refused.value)


# ---------------------------------------------------------------------------------------------------------------- kinds


def test_every_file_of_the_folder_is_a_kind_and_nothing_else() -> None:
    folder = Path(__file__).parents[2] / "connectors"
    there = {path.stem for path in folder.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}

    assert set(connector_kinds()) == there - {"__init__"}


def test_every_kind_has_what_the_house_asks_of_a_connector() -> None:
    for kind in connector_kinds():
        assert load_connector(kind).PARTS, kind


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of installed packages in which further kinds can be declared."""
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    registry._installed_connectors.cache_clear()
    for name in [name for name in sys.modules if name.startswith("added_")]:
        del sys.modules[name]


def install(folder: Path, name: str, code: str) -> None:
    (folder / f"added_{name}.py").write_text(code, encoding="utf-8")
    about = folder / f"added_{name}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: added-{name}\nVersion: 1.0\n", encoding="utf-8")
    (about / "entry_points.txt").write_text(f"[fleetsync.connectors]\n{name} = added_{name}\n", encoding="utf-8")
    registry._installed_connectors.cache_clear()


def test_an_installed_package_adds_a_kind(installed: Path) -> None:
    install(installed, "abacus", "from connectors.staff_file import PARTS, Settings, pull, normalise\n")

    assert "abacus" in connector_kinds()
    assert [part.name for part in load_connector("abacus").PARTS] == ["staff"]


def test_an_installed_kind_that_cannot_be_loaded_names_its_package(installed: Path) -> None:
    install(installed, "broken", "import not_there_at_all\n")

    with pytest.raises(RegistryError, match="kind broken of the installed package added_broken cannot be loaded"):
        load_connector("broken")


def test_a_module_that_is_no_connector_says_what_it_lacks(installed: Path) -> None:
    install(installed, "empty", "PARTS = ()\n")

    with pytest.raises(RegistryError, match="kind empty is no connector: it does not have Settings, pull, normalise"):
        load_connector("empty")


def test_a_file_of_the_folder_comes_before_an_installed_kind(installed: Path) -> None:
    install(installed, "intune", "import not_there_at_all\n")

    assert load_connector("intune").PARTS
    assert isinstance(next(iter(entry_points(group="fleetsync.connectors", name="intune"))), EntryPoint)


# --------------------------------------------------------------------------------------------------------------- tables


@pytest.mark.parametrize(
    ("table", "text"),
    [
        (
            INTUNE | {"kind": "intunee"},
            "config.toml: [[source]] intune-a: kind = 'intunee' is not known. Did you mean intune?",
        ),
        (INTUNE | {"max_shrink_ratio": 9}, "config.toml: [[source]] intune-a: max_shrink_ratio = 9 must be 0..1"),
        (INTUNE | {"grace_pulls": -1}, "config.toml: [[source]] intune-a: grace_pulls = -1 must be 0 or more"),
        (
            INTUNE | {"every": "soon"},
            'config.toml: [[source]] intune-a: every must be a time such as "30m", "1h" or "7d"',
        ),
        (
            INTUNE | {"max_shrnk_ratio": 0.1},
            "config.toml: [[source]] intune-a: max_shrnk_ratio is not a known key. Did you mean max_shrink_ratio?",
        ),
        (
            {"kind": "intune", "name": "intune-a", "tenant": "exempelby.se"},
            "config.toml: [[source]] intune-a: client_id is missing. Add it; config.example.toml shows how",
        ),
        (
            INTUNE | {"client_secret": "hunter2"},
            ("config.toml: [[source]] intune-a: client_secret may not stand in config.toml: put it in a file and name it in "
            "client_secret_file"),
        ),
        (
            INTUNE | {"graph_root": "https://a:hunter2@graph.exempelby.se"},
            ("config.toml: [[source]] intune-a: graph_root holds a password, which may not stand in config.toml: "
            "give the address as FLEETSYNC_SOURCE_INTUNE_A_GRAPH_ROOT"),
        ),
        (
            INTUNE | {"counts": ["device"]},
            "config.toml: [[source]] intune-a: counts: 'device' is no part of kind intune. Did you mean devices?",
        ),
        (
            STAFF | {"allow_empty": ["x"]},
            "config.toml: [[source]] hr: allow_empty: 'x' is no part of kind staff_file. Known are staff",
        ),
        (
            INTUNE | {"without": ["autopiloot"]},
            "config.toml: [[source]] intune-a: without: 'autopiloot' is no part of kind intune. Did you mean autopilot?",
        ),
        (
            STAFF | {"counts": [], "without": ["staff"]},
            "config.toml: [[source]] hr: without names every part of kind staff_file. Leave one, or write disabled = true",
        ),
        (
            INTUNE | {"name": "Intune A"},
            "config.toml: [[source]] Intune A: name must be of small letters a to z, digits, - and _, at most 63",
        ),
        (
            INTUNE | {"signature": "RS512"},
            "config.toml: [[source]] intune-a: signature = 'RS512' must be one of PS256, RS256. Did you mean RS256?",
        ),
        (INTUNE | {"client_secret_file": 3}, None),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_its_place_and_remedy(table: dict[str, Any], text: str | None) -> None:
    expected = text or (
        "config.toml: [[source]] intune-a: client_secret_file must be the path of a file, in quotation marks"
    )

    assert refusal(table) == expected


def test_a_fault_of_a_variable_names_the_variable() -> None:
    assert refusal(INTUNE, grace_pulls="-1") == "environment: FLEETSYNC_SOURCE_INTUNE_A_GRACE_PULLS must be 0 or more"
    assert refusal(INTUNE, client_secrett="hunter2") == (
        "environment: FLEETSYNC_SOURCE_INTUNE_A_CLIENT_SECRETT is not a known key. "
        "Did you mean FLEETSYNC_SOURCE_INTUNE_A_CLIENT_SECRET?"
    )


@given(
    st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyz0123456789"), min_size=12, max_size=40).map("s{}".format),
    st.sampled_from(
        ["client_secret", "client_secrett", "key", "every", "max_shrink_ratio", "signature", "counts", "token"]
    ),
)
def test_no_refusal_ever_repeats_a_secret(secret: str, key: str) -> None:
    assert secret not in refusal(INTUNE | {key: secret})
    assert secret not in refusal({"kind": "intune", "name": "intune-a"}, **{key: secret})


def test_names_are_kept_only_where_both_say_so() -> None:
    table = STAFF | {"store_names": True}

    with pytest.raises(RegistryError, match=r"store_names = true needs store_names = true under \[privacy\]"):
        build_source(table, "config.toml", may_store_names=False)
    assert build_source(table, "config.toml", may_store_names=True).settings.store_names


def test_relative_paths_count_from_the_folder_of_the_file(tmp_path: Path) -> None:
    table = INTUNE | {"client_secret_file": "secrets/intune", "ca_file": "/etc/ssl/ca.pem"}

    settings: Any = build_source(table, "config.toml", folder=tmp_path).settings
    pattern: Any = build_source(STAFF | {"path": "hr/*.csv"}, "config.toml", folder=tmp_path).settings

    assert settings.client_secret_file == tmp_path / "secrets/intune"
    assert settings.ca_file == Path("/etc/ssl/ca.pem")
    assert pattern.path == tmp_path / "hr/*.csv"


# -------------------------------------------------------------------------------------------------------------- sources


def test_a_source_says_what_the_runner_asks_of_it() -> None:
    result = build_source(
        INTUNE
        | {
            "max_shrink_ratio": 0.2,
            "allow_empty": ["devices"],
            "grace_hours": 5,
            "without": ["corporate_identifiers", "apple_enrolment", "push_certificate", "app_tokens"],
        },
        "config.toml",
    )

    assert (result.name, result.kind) == ("intune-a", "intune")
    assert [part.name for part in result.parts] == ["devices", "autopilot"]
    assert result.part("devices").role is PartRole.MDM
    assert result.roles == {PartRole.MDM, PartRole.PURCHASES}
    assert result.limits("devices") == PullLimits(max_shrink_ratio=0.2, allow_empty=True, grace_hours=5)
    assert not result.limits("users").allow_empty


def test_a_part_that_is_turned_off_is_no_part_and_cannot_count() -> None:
    register = {
        "kind": "ss12000",
        "name": "register",
        "base_url": "https://register.exempelby.se",
        "auth": "none",
        "without": ["children"],
    }

    assert [part.name for part in build_source(register, "config.toml").parts] == ["units", "groups", "pupils", "staff"]
    with pytest.raises(RegistryError, match="counts and without both name children"):
        build_source(register | {"counts": ["children"]}, "config.toml")


def test_an_unknown_part_is_told_with_the_nearest() -> None:
    with pytest.raises(RegistryError, match=r"intune-a: device is no part of this source\. Did you mean devices\?"):
        build_source(INTUNE, "config.toml").part("device")


@pytest.mark.parametrize("word", ["staff", "employment"])
def test_a_part_counts_by_its_name_or_by_what_its_memberships_are(word: str) -> None:
    assert build_source(STAFF | {"counts": [word]}, "config.toml").counts("staff")
    assert not build_source(STAFF | {"counts": []}, "config.toml").counts("staff")


def test_secrets_are_told_by_type_and_known_only_where_they_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "intune-a-key_password").write_text("hunter3\n", encoding="utf-8")
    table = INTUNE | {"key_file": str(tmp_path / "nowhere")}

    result = build_source(table, "config.toml", given={"client_secret": "hunter2"}, secrets_dirs=[tmp_path])

    assert set(secret_keys(type(result.settings))) == {"client_secret", "key", "key_password"}
    assert sorted(result.secret_texts()) == ["hunter2", "hunter3"]
    assert "hunter" not in repr(result)
    assert build_source(INTUNE, "config.toml").secret_texts() == ()


def test_a_secret_file_that_others_can_read_is_warned_of(tmp_path: Path) -> None:
    secret = tmp_path / "intune"
    secret.touch()
    secret.chmod(0o644)

    assert build_source(INTUNE | {"client_secret_file": str(secret)}, "config.toml").warnings == (
        f"{secret} can be read or written by others than its owner (644). Run: chmod 600 {secret}",
    )


def configured(folder: Path, toml: str, **environ: str) -> tuple[Source, ...]:
    (folder / "config.toml").write_text(toml, encoding="utf-8")
    return build_sources(load(folder / "config.toml", environ=environ))


HR = '[[source]]\nkind = "staff_file"\nname = "{}"\npath = "hr.csv"\n'


def test_all_sources_of_a_configuration_come_in_its_order_with_their_variables(tmp_path: Path) -> None:
    toml = HR.format("hr") + '[[source]]\nkind = "intune"\nname = "intune-a"\ntenant = "t"\nclient_id = "c"\n'

    result = configured(tmp_path, toml, FLEETSYNC_SOURCE_INTUNE_A_CLIENT_SECRET="hunter2")

    assert [record.name for record in result] == ["hr", "intune-a"]
    assert result[1].settings.secret("client_secret").get_secret_value() == "hunter2"


def test_two_sources_that_count_one_part_are_refused(tmp_path: Path) -> None:
    """Also when neither says so and it is the default of the kind."""
    with pytest.raises(RegistryError) as refused:
        configured(tmp_path, HR.format("hr") + HR.format("hr-old"))

    assert str(refused.value) == (
        "config.toml: [[source]] hr-old: counts staff, as hr does. Exactly one source may count a part at a unit; "
        "leave it out of counts of the other, which is a witness then (counts = [] where it has no more), or share the "
        "units between them by counts_at"
    )
    assert len(configured(tmp_path, HR.format("hr") + HR.format("hr-old") + "counts = []")) == 2


UNITS = "".join(f'[[unit]]\nslug = "{slug}"\nname = "{slug}"\n' for slug in ("north", "south", "west"))


def at(name: str, *units: str) -> str:
    return HR.format(name) + f"counts_at = {list(units)}\n"


def test_two_sources_may_share_the_units_where_they_count(tmp_path: Path) -> None:
    assert len(configured(tmp_path, UNITS + at("hr-n", "north") + at("hr-s", "south", "west"))) == 2


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        (at("hr-s", "south", "north"), "hr-s: counts staff at north, as hr-n does"),
        (HR.format("hr-s"), "hr-s: counts staff, as hr-n does"),
        (at("hr-s", "sooth"), "hr-s counts_at: 'sooth' is no unit. Did you mean south?"),
    ],
)
def test_no_unit_is_counted_at_twice_nor_one_that_is_not_there(tmp_path: Path, others: str, expected: str) -> None:
    with pytest.raises(RegistryError) as refused:
        configured(tmp_path, UNITS + at("hr-n", "north") + others)

    assert expected in str(refused.value)


def test_the_faults_of_all_sources_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(RegistryError) as refused:
        configured(tmp_path, HR.format("a") + "every = 3\n" + HR.format("b") + "evry = 3\n")

    assert [line.split(": ")[1] for line in str(refused.value).splitlines()] == ["[[source]] a", "[[source]] b"]
