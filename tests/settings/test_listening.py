"""The address for the health check: read alone, and always the one that the whole configuration gives."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsync.settings import SettingsError, load
from fleetsync.settings.listening import ListenAddress, health_address

ADDRESSES = st.sampled_from(
    ["127.0.0.1:8470", "0.0.0.0:9000", "[::1]:8471", "localhost:1", ":1", "127.0.0.1:0", "", "no"]
)
LAYER = st.dictionaries(st.sampled_from(["listen", "metrics_listen"]), ADDRESSES)


def address_of_whole_configuration(file: Path, environ: dict[str, str]) -> ListenAddress | None:
    """None: the configuration is refused."""
    try:
        web = load(file, environ=environ).web
    except SettingsError:
        return None
    return web.metrics_address or web.address


@given(in_file=LAYER, in_secrets=LAYER, in_variables=LAYER)
def test_the_address_read_alone_is_always_that_of_the_whole_configuration(
    tmp_path_factory: pytest.TempPathFactory,
    in_file: dict[str, str],
    in_secrets: dict[str, str],
    in_variables: dict[str, str],
) -> None:
    folder = tmp_path_factory.mktemp("layers")
    file, secrets = folder / "config.toml", folder / "credentials"
    secrets.mkdir()
    file.write_text("[web]\n" + "".join(f'{key} = "{value}"\n' for key, value in in_file.items()), encoding="utf-8")
    for key, value in in_secrets.items():
        (secrets / f"web__{key}").write_text(f"{value}\n", encoding="utf-8")
    environ = {f"FLEETSYNC_WEB__{key.upper()}": value for key, value in in_variables.items()}
    environ["CREDENTIALS_DIRECTORY"] = str(secrets)

    alone, whole = health_address(file, environ), address_of_whole_configuration(file, environ)

    # A configuration that is refused for another key may still have the address at which its daemon answers.
    assert alone == whole or whole is None


@pytest.mark.parametrize(
    ("toml", "environ"),
    [
        ("[web", {}),
        ("web = 3", {}),
        ("[web]\nmetrics_listen = 9470", {}),
        ('[web]\nmetrics_listen = "9470"', {}),
        ("", {"FLEETSYNC_WEB": '{"listen": "127.0.0.1:9000"}'}),
    ],
)
def test_what_only_the_whole_configuration_can_answer_is_left_to_it(
    tmp_path: Path, toml: str, environ: dict[str, str]
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(toml, encoding="utf-8")

    assert health_address(file, environ) is None


def test_without_a_file_the_whole_configuration_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert health_address(None, {}) is None
    assert health_address(tmp_path / "missing.toml", {}) is None
