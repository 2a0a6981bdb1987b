"""The key of all tokens: created once, never created again beside a database, never shown."""

from pathlib import Path

import pytest

from fleetsync.settings import Settings, SettingsError, load, privacy_key


def configured(folder: Path, url: str = "db/fleetsync.db", **environ: str) -> Settings:
    (folder / "config.toml").write_text(
        f'[database]\nurl = "{url}"\n[privacy]\nkey_file = "keys/privacy.key"', encoding="utf-8"
    )
    return load(folder / "config.toml", environ=environ)


def a_database(folder: Path) -> None:
    (folder / "db").mkdir()
    (folder / "db/fleetsync.db").write_bytes(b"SQLite format 3\0")


def test_the_key_is_made_with_the_database_for_its_owner_alone_and_stays(tmp_path: Path) -> None:
    key = configured(tmp_path).privacy_key()
    file = tmp_path / "keys/privacy.key"
    a_database(tmp_path)

    assert len(key) == 32
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["privacy.key"]
    assert configured(tmp_path).privacy_key() == key


def test_two_keys_are_never_the_same(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()

    assert configured(tmp_path / "a").privacy_key() != configured(tmp_path / "b").privacy_key()


def test_a_key_that_another_process_made_first_counts(tmp_path: Path) -> None:
    first = configured(tmp_path).privacy_key()

    privacy_key._create_key_file(tmp_path / "keys/privacy.key")

    assert configured(tmp_path).privacy_key() == first
    assert len(list((tmp_path / "keys").iterdir())) == 1


@pytest.mark.parametrize("url", ["db/fleetsync.db", "postgresql+psycopg://fleetsync@db.exempelby.se/fleetsync"])
def test_a_key_missing_beside_a_database_is_never_made_anew(tmp_path: Path, url: str) -> None:
    a_database(tmp_path)

    with pytest.raises(
        SettingsError, match=r"is missing although there is a database.*protected persons are not recognised"
    ):
        configured(tmp_path, url).privacy_key()
    assert not (tmp_path / "keys").exists()


def test_a_database_in_memory_is_always_new(tmp_path: Path) -> None:
    assert len(configured(tmp_path, "sqlite://").privacy_key()) == 32


def test_an_offered_credential_comes_before_the_file(tmp_path: Path) -> None:
    (tmp_path / "privacy-key").write_text("ab" * 32 + "\n", encoding="ascii")

    assert configured(tmp_path, CREDENTIALS_DIRECTORY=str(tmp_path)).privacy_key() == b"\xab" * 32


@pytest.mark.parametrize("content", ["", "hunter2", "ab" * 16, "ab" * 33, "zz" * 32])
def test_what_is_no_key_is_refused_and_not_repeated(tmp_path: Path, content: str) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/privacy.key").write_text(content, encoding="ascii")

    with pytest.raises(SettingsError, match="must hold 64 hexadecimal digits and nothing else") as refused:
        configured(tmp_path).privacy_key()
    assert not content or content not in str(refused.value)


def test_a_key_that_cannot_be_made_says_how_to_make_it(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("a file where the folder should be", encoding="ascii")

    with pytest.raises(
        SettingsError, match=r"cannot be created \(.*\)\. Create it.*openssl rand -hex 32 > .*privacy\.key"
    ):
        configured(tmp_path).privacy_key()
