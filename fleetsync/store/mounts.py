"""Whether a file lies on a network share, where neither SQLite nor a lock in a file keeps its promises."""

import re
from pathlib import Path

MOUNTS = Path("/proc/mounts")
NETWORK_FILE_SYSTEMS = frozenset({
    "9p", "afs", "beegfs", "ceph", "cifs", "davfs", "fuse.davfs", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs",
    "fuse.sshfs", "glusterfs", "lustre", "ncpfs", "nfs", "nfs4", "smb3", "smbfs",
})  # fmt: skip


def network_file_system(file: Path, mounts: Path | None = None) -> str | None:
    """The kind of network share that *file* lies on, such as nfs4; None: a disk of this machine, or it cannot be said.

    *mounts*: the kernel's list of what is mounted where; None: that of this machine.
    """
    try:
        lines = (mounts or MOUNTS).read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    resolved, longest, kind = file.resolve(), Path(), ""
    for line in lines:
        _, folder, file_system, *_ = line.split(" ")
        mounted_at = Path(_unescaped(folder))
        # Of several at one place, the last one hides the others.
        if resolved.is_relative_to(mounted_at) and len(mounted_at.parts) >= len(longest.parts):
            longest, kind = mounted_at, file_system
    return kind if kind in NETWORK_FILE_SYSTEMS else None


def _unescaped(name: str) -> str:
    r"""A name as the kernel writes it: a blank as \040."""
    return re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), name)
