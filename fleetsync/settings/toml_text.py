"""Writes values as TOML: JSON's strings and escapes are among those of TOML."""

import json
from collections.abc import Iterable


def toml_text(value: str) -> str:
    """*value* as a TOML string."""
    return json.dumps(value, ensure_ascii=False)


def toml_texts(values: Iterable[str]) -> str:
    """*values* as a TOML list of strings."""
    return "[" + ", ".join(map(toml_text, values)) + "]"
