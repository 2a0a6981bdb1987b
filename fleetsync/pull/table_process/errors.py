"""What the process says of a file that it does not read."""

from fleetsync.pull.table_process.limits import MAX_TEXT_BYTES


class TableError(Exception):
    """A file cannot be read; the text says why and what to do. *is_incomplete*: it may still be being written."""

    def __init__(self, text: str, *, is_incomplete: bool = False) -> None:
        super().__init__(text)
        self.is_incomplete = is_incomplete


def too_much_text_error() -> TableError:
    """The refusal of a table whose cells hold more than `MAX_TEXT_BYTES`."""
    return TableError(
        f"its texts would fill more than {MAX_TEXT_BYTES // 2**20} MiB. Delete columns of long texts, or save the list as "
        "CSV UTF-8"
    )
