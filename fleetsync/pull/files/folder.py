"""The entries of a folder of lists: which are lists by their name, and which may be opened."""

import errno
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_TEMPORARY_SUFFIXES = (".tmp", ".part", ".partial", ".filepart", ".crdownload", ".swp", "~")
# Written by systems, beside any file.
SYSTEM_FILES = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "folder.jpg", "icon\r"})
# No lists by their ending, unless the pattern names it.
STRAY_SUFFIXES = frozenset(
    [
        ".pdf",
        ".bak",
        ".old",
        ".orig",
        ".ini",
        ".db",
        ".log",
        ".lnk",
        ".url",
        ".md",
        ".doc",
        ".docx",
        ".rtf",
        ".odt",
        ".ppt",
        ".pptx",
        ".jpg",
        ".jpeg",
        ".png",
        ".gif",
        ".heic",
        ".eml",
        ".msg",
        ".zip",
        ".7z",
        ".rar",
        ".gz",
        ".exe",
        ".bat",
        ".ps1",
        ".sh",
        ".py",
        ".toml",
        ".json",
        ".sig",
        ".asc",
        ".md5",
        ".sha256",
    ]
)
_NOTE_SUFFIXES = frozenset({".txt", ""})  # a list, or somebody's note
_WILDCARD = re.compile(r"[*?\[]")


def may_be_note(path: Path) -> bool:
    """Whether it may be somebody's note, by its name."""
    return path.suffix.casefold() in _NOTE_SUFFIXES


def matching_paths(pattern: Path) -> tuple[Path, Iterator[Path]]:
    """The folder that *pattern* begins with, and what it matches there."""
    if pattern.is_dir():
        return pattern, pattern.iterdir()
    parts = pattern.parts
    fixed = next((place for place, part in enumerate(parts) if _WILDCARD.search(part)), len(parts))
    if fixed == len(parts):
        return pattern.parent, iter([pattern] if pattern.exists() else [])
    folder = Path(*parts[:fixed])
    return folder, folder.glob(str(Path(*parts[fixed:])))


def is_file_of(folder: Path, path: Path) -> bool:
    """Whether *path* is a file in *folder*: no pipe or device, and no link out of it, by which anybody who may write there could
    have any file of the machine read.
    """
    return path.is_file() and path.resolve().is_relative_to(folder.resolve())


def open_file(path: Path) -> BinaryIO:
    """*path*, to be read. Raises OSError when it is no file any more: opening a pipe would wait for its writer, without end."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no file, but a device or a pipe")
    return os.fdopen(descriptor, "rb")


def is_finished_name(name: str) -> bool:
    """Whether a file has the name under which it stays: programs write under hidden and temporary names."""
    lowered = name.casefold()
    return not (lowered.startswith((".", "~")) or lowered.endswith((*_TEMPORARY_SUFFIXES, ".done")))
