from pathlib import Path

import pytest

from fleetsync.store import mounts
from fleetsync.store.database import open_database
from fleetsync.store.errors import StoreRefused

MOUNTED = r"""/dev/sda1 / ext4 rw 0 0
server:/export /srv/share nfs4 rw 0 0
//server/docs /srv/två\040ord cifs rw 0 0
/dev/sdb1 /srv/share/local xfs rw 0 0
tmpfs /srv/hidden nfs rw 0 0
/dev/sdc1 /srv/hidden ext4 rw 0 0
"""


@pytest.fixture
def mounted(tmp_path: Path) -> Path:
    file = tmp_path / "mounts"
    file.write_text(MOUNTED)
    return file


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("/var/lib/fleetsync/fleetsync.db", None),
        ("/srv/share/fleetsync.db", "nfs4"),
        ("/srv/share/a/b/fleetsync.db", "nfs4"),
        ("/srv/shared/fleetsync.db", None),
        ("/srv/två ord/fleetsync.db", "cifs"),
        ("/srv/share/local/fleetsync.db", None),
        ("/srv/hidden/fleetsync.db", None),
    ],
)
def test_the_file_system_of_a_file_is_that_of_the_nearest_mount(mounted: Path, file: str, kind: str | None) -> None:
    assert mounts.network_file_system(Path(file), mounted) == kind


def test_where_no_mounts_are_known_nothing_is_refused(tmp_path: Path) -> None:
    assert mounts.network_file_system(tmp_path / "fleetsync.db", tmp_path / "nothing") is None


def test_a_database_on_a_network_share_is_refused_and_not_created(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = tmp_path / "mounts"
    listed.write_text(f"server:/export {tmp_path}/share nfs4 rw 0 0\n")
    monkeypatch.setattr(mounts, "MOUNTS", listed)

    with pytest.raises(StoreRefused, match=r"fleetsync\.db: lies on a network share \(nfs4\).*PostgreSQL"):
        open_database(f"sqlite:///{tmp_path}/share/fleetsync.db")

    assert not (tmp_path / "share").exists()
