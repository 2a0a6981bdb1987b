"""Which of several places counts for a value, and what a loaded configuration says about itself."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsync.settings import Settings, changed_keys, keys_needing_restart, load, unknown_environment
from fleetsync.settings.layers import notify_socket

SOURCE = '[[source]]\nkind = "intune"\nname = "{}"\n'


def configured(folder: Path, toml: str, environ: dict[str, str] | None = None, **overrides: object) -> Settings:
    file = folder / "config.toml"
    file.write_text(toml, encoding="utf-8")
    return load(file, environ=environ or {}, overrides=overrides)


def origin(settings: Settings, key: str) -> str:
    return next(line.origin for line in settings.describe() if line.key == key)


def shown(settings: Settings, key: str) -> str:
    return next(line.value for line in settings.describe() if line.key == key)


@pytest.mark.parametrize("places", range(5))
def test_the_highest_place_that_has_a_value_counts(tmp_path: Path, places: int) -> None:
    """0 places: the default; then one by one file, secret file, environment, command line."""
    secrets = tmp_path / "credentials"
    secrets.mkdir()
    toml, environ, overrides = "", {"CREDENTIALS_DIRECTORY": str(secrets)}, {}
    if places >= 1:
        toml = '[web]\nlisten = "127.0.0.1:1"'
    if places >= 2:
        (secrets / "web__listen").write_text("127.0.0.1:2\n", encoding="utf-8")
    if places >= 3:
        environ["FLEETSYNC_WEB__LISTEN"] = "127.0.0.1:3"
    if places >= 4:
        overrides = {"web": {"listen": "127.0.0.1:4"}}

    settings = configured(tmp_path, toml, environ, **overrides)

    assert settings.web.address.port == (8470, 1, 2, 3, 4)[places]
    assert (
        origin(settings, "web.listen")
        == (
            "default",
            "config.toml",
            f"secret file {secrets}/web__listen",
            "environment FLEETSYNC_WEB__LISTEN",
            "command line",
        )[places]
    )


@given(st.lists(st.sampled_from(["listen", "metrics_listen"]), unique=True), st.integers(1, 65535))
def test_a_place_never_hides_what_it_does_not_say(
    tmp_path_factory: pytest.TempPathFactory, keys: list[str], port: int
) -> None:
    environ = {f"FLEETSYNC_WEB__{key.upper()}": f"127.0.0.1:{port}" for key in keys}

    web = configured(tmp_path_factory.mktemp("etc"), "[web]\ntrusted_proxies = 2", environ).web

    assert web.trusted_proxies == 2
    assert web.listen == (f"127.0.0.1:{port}" if "listen" in keys else "127.0.0.1:8470")


def test_the_file_is_that_of_the_environment_else_the_one_in_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").write_text('[municipality]\nname = "here"', encoding="utf-8")
    (tmp_path / "other.toml").write_text('[municipality]\nname = "there"', encoding="utf-8")

    assert load(environ={}).municipality.name == "here"
    assert load(environ={"FLEETSYNC_CONFIG": "other.toml"}).municipality.name == "there"


def test_the_environment_alone_is_a_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    settings = load(environ={"FLEETSYNC_UNIT": '[{"slug": "vretaskolan", "name": "Vretaskolan"}]'})

    assert [unit.slug for unit in settings.units] == ["vretaskolan"]
    assert origin(settings, "unit.vretaskolan.name") == "environment FLEETSYNC_UNIT vretaskolan.name"
    assert settings.file_name == "configuration"
    assert settings.folder == tmp_path


def test_without_an_environment_the_process_s_own_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.toml").touch()
    monkeypatch.setenv("FLEETSYNC_MUNICIPALITY__NAME", "Exempelby")

    assert load(tmp_path / "config.toml").municipality.name == "Exempelby"


def test_a_file_saved_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[municipality]\nname = "Åby"', encoding="utf-8-sig")

    assert load(tmp_path / "config.toml", environ={}).municipality.name == "Åby"


def test_relative_paths_count_from_the_folder_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "our.toml").write_text("[[term]]\nfirst = 2026-08-17\nlast = 2026-12-18\n", encoding="utf-8")

    settings = configured(tmp_path, '[calendar]\nfile = "our.toml"\n[database]\nurl = "var/fleetsync.db"')

    assert settings.database_file == tmp_path / "var/fleetsync.db"
    assert settings.database.url == f"sqlite:///{tmp_path}/var/fleetsync.db"
    assert len(settings.calendars.default.terms) == 1


def test_an_address_in_a_file_of_its_own_is_read_and_its_password_hidden(tmp_path: Path) -> None:
    (tmp_path / "url").write_text(
        "postgresql+psycopg://fleetsync:hunter%40@db.exempelby.se/f?sslkey=x\n", encoding="utf-8"
    )

    settings = configured(tmp_path, '[database]\nurl_file = "url"')

    assert settings.database.url == "postgresql+psycopg://fleetsync:hunter%40@db.exempelby.se/f?sslkey=x"
    assert settings.database_file is None
    assert shown(settings, "database.url") == "postgresql+psycopg://***@db.exempelby.se/f?***"
    assert origin(settings, "database.url") == f"file {tmp_path}/url"
    assert settings.secret_texts() == ("hunter%40", "hunter@")
    assert "hunter" not in repr(settings) + repr(settings.database)


def test_the_environment_outranks_an_address_in_a_file_of_its_own(tmp_path: Path) -> None:
    environ = {"FLEETSYNC_NETWORK__PROXY": "http://proxy.exempelby.se:3128"}

    settings = configured(tmp_path, '[network]\nproxy_file = "nowhere"', environ)

    assert settings.network.proxy == "http://proxy.exempelby.se:3128"
    assert origin(settings, "network.proxy") == "environment FLEETSYNC_NETWORK__PROXY"


def test_a_broken_address_is_shown_without_what_might_be_a_password(tmp_path: Path) -> None:
    settings = configured(tmp_path, '[network]\nproxy = "http://a:hunter2@[proxy"')

    assert shown(settings, "network.proxy") == "http://***@[proxy"


def test_what_sounds_like_a_secret_is_hidden_even_where_it_may_not_stand(tmp_path: Path) -> None:
    settings = configured(tmp_path, SOURCE.format("jamf") + 'client_secret = "hunter2"\nclient_secret_file = "x"')

    assert shown(settings, "source.jamf.client_secret") == "***"
    assert shown(settings, "source.jamf.client_secret_file") == "x"


def test_variables_of_a_source_go_to_the_one_with_the_longest_name(tmp_path: Path) -> None:
    environ = {
        "FLEETSYNC_SOURCE_JAMF_TOKEN": "a",
        "FLEETSYNC_SOURCE_JAMF_NORTH_TOKEN": "b",
        "FLEETSYNC_SOURCE_JAMF_": "c",
    }

    settings = configured(tmp_path, SOURCE.format("jamf") + SOURCE.format("jamf-north"), environ)

    assert settings.source_variables == {"jamf": {"token": "a"}, "jamf-north": {"token": "b"}}
    assert shown(settings, "source.jamf-north.token") == "***"
    assert origin(settings, "source.jamf-north.token") == "environment FLEETSYNC_SOURCE_JAMF_NORTH_TOKEN"


def test_variables_that_mean_nothing_are_listed(tmp_path: Path) -> None:
    unknown = {
        "FLEETSYNC_TYPO": "x",
        "FLEETSYNC_WEBB__LISTEN": "x",
        "FLEETSYNC_SOURCE_NOBODY_TOKEN": "x",
        "FLEETSYNC_WEB": "",
    }
    known = {
        "FLEETSYNC_CONFIG": "x",
        "FLEETSYNC_NOW": "2027-08-16T06:00+02:00",
        "FLEETSYNC_WEB__LISTEN": "127.0.0.1:1",
        "FLEETSYNC_SOURCE_JAMF_TOKEN": "x",
        "FLEETSYNC_UNIT": "[]",
        "PATH": "/bin",
    }

    settings = configured(tmp_path, SOURCE.format("jamf"), {**known, "FLEETSYNC_TYPO": "x", "FLEETSYNC_WEBB__LISTEN": "x",
                                                            "FLEETSYNC_SOURCE_NOBODY_TOKEN": "x"})  # fmt: skip

    assert unknown_environment(settings) == tuple(sorted(unknown.keys() - {"FLEETSYNC_WEB"}))


def test_the_clock_starts_where_the_environment_says(tmp_path: Path) -> None:
    settings = configured(tmp_path, "", {"FLEETSYNC_NOW": "2027-08-16T06:00+02:00"})

    assert settings.clock_start is not None
    assert settings.clock_start.isoformat() == "2027-08-16T06:00:00+02:00"
    assert configured(tmp_path, "").clock_start is None


# ------------------------------------------------------------------------------------------------------------- reloads


def test_a_reload_names_the_changed_keys_and_never_their_values(tmp_path: Path) -> None:
    old = configured(
        tmp_path,
        SOURCE.format("jamf") + 'every = "1h"\n[[unit]]\nslug = "b"\nname = "B"',
        {"FLEETSYNC_SOURCE_JAMF_TOKEN": "x"},
    )
    new = configured(
        tmp_path,
        SOURCE.format("jamf") + 'every = "2h"\n[[unit]]\nslug = "a"\nname = "A"\n[[unit]]\nslug = "b"\nname = "B"'
        '\n[staleness]\nby_platform = { ipados = 20 }\n[[unit_map]]\nsource = "jamf"\nfield = "tag"\npattern = "*"\nunit = "a"',
        {"FLEETSYNC_SOURCE_JAMF_TOKEN": "y"},
    )

    assert {key for key in changed_keys(old, new) if not key.startswith(("unit.a.", "unit_map"))} == {
        "source.jamf.every",
        "source.jamf.token",
        "staleness.by_platform.ipados",
    }
    assert "unit_map.1.pattern" in changed_keys(old, new)
    assert changed_keys(new, new) == ()


@pytest.mark.parametrize(
    ("toml", "named"),
    [
        ('[database]\nurl = "x.db"', ("[database] url",)),
        ('[web]\nlisten = "127.0.0.1:1"\nmetrics_listen = "127.0.0.1:2"', ("[web] listen", "[web] metrics_listen")),
        ('[web]\nlanguage = "en"\n[staleness]\nstale_after_school_days = 3', ()),
    ],
)
def test_a_change_that_only_a_restart_can_bring_is_named(tmp_path: Path, toml: str, named: tuple[str, ...]) -> None:
    assert keys_needing_restart(configured(tmp_path, ""), configured(tmp_path, toml)) == named


# -------------------------------------------------------------------------------------------------------------- secrets


def test_a_secret_file_that_others_can_read_is_warned_of(tmp_path: Path) -> None:
    key = tmp_path / "session.key"
    key.touch()
    key.chmod(0o640)
    toml = '[web]\nsession_key_file = "session.key"'

    assert configured(tmp_path, toml).warnings == (
        f"{key} can be read or written by others than its owner (640). Run: chmod 600 {key}",
    )
    key.chmod(0o600)
    assert configured(tmp_path, toml).warnings == ()


def test_other_files_among_the_secrets_are_not_opened(tmp_path: Path) -> None:
    (tmp_path / "jamf-north-client_secret").write_bytes(b"\xff")
    (tmp_path / "web__folder").mkdir()
    os.mkfifo(tmp_path / "pipe__x")

    assert configured(tmp_path, "", {"CREDENTIALS_DIRECTORY": str(tmp_path)}).web.listen == "127.0.0.1:8470"


def test_systemd_s_socket_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/systemd/notify")
    assert notify_socket() == "/run/systemd/notify"
    monkeypatch.delenv("NOTIFY_SOCKET")
    assert notify_socket() == ""
