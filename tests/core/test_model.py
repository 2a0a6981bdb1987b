import ast
import importlib
import pkgutil
from pathlib import Path

import pytest

from fleetsync.core import model
from fleetsync.core.model import Text

ROOT = Path(__file__).parents[2]
MODULES = [module.name for module in pkgutil.iter_modules(model.__path__, "fleetsync.core.model.")]


def public_names(module: str) -> set[str]:
    """The public names that a module defines itself."""
    tree = ast.parse(Path(importlib.import_module(module).__file__ or "").read_text(encoding="utf-8"))
    classes = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    targets: list[ast.expr] = [node.target for node in tree.body if isinstance(node, ast.AnnAssign)]
    targets += [target for node in tree.body if isinstance(node, ast.Assign) for target in node.targets]
    names = classes | {target.id for target in targets if isinstance(target, ast.Name)}
    return {name for name in names if not name.startswith("_")}


def test_the_package_exports_every_public_name_of_its_modules() -> None:
    assert set().union(*map(public_names, MODULES)) == set(model.__all__)
    assert all(hasattr(model, name) for name in model.__all__)


def test_no_name_is_defined_in_two_modules() -> None:
    assert sum(len(public_names(module)) for module in MODULES) == len(model.__all__)


@pytest.mark.parametrize("folder", ["fleetsync", "connectors", "tests"])
def test_nobody_imports_from_a_module_of_the_package(folder: str) -> None:
    importing = [
        path
        for path in (ROOT / folder).rglob("*.py")
        if path.parent != ROOT / "fleetsync/core/model"
        and "from fleetsync.core.model." in path.read_text(encoding="utf-8")
        and path != Path(__file__)
    ]

    assert importing == []


@pytest.mark.parametrize(("language", "expected"), [("sv", "saknas"), ("en", "short"), ("de", "short")])
def test_a_sentence_is_given_in_swedish_or_else_in_english(language: str, expected: str) -> None:
    assert Text("saknas", "short").in_language(language) == expected
