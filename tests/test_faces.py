"""A package's face re-exports, names everything it re-exports, and does nothing else.

SPDX-License-Identifier: Apache-2.0
"""

import ast
import importlib
from pathlib import Path

import pytest

import cxrlens

ROOT = Path(cxrlens.__file__).parent
FACES = sorted(path for path in ROOT.glob("*/__init__.py") if path.parent.name != "cli")


def _list_imports(tree: ast.Module) -> list[str]:
    """Names that a module takes in from elsewhere, also under `if TYPE_CHECKING`."""
    return [
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]


@pytest.mark.parametrize("path", FACES, ids=[path.parent.name for path in FACES])
def test_a_face_names_what_it_imports(path: Path) -> None:
    face = importlib.import_module(f"cxrlens.{path.parent.name}")
    tree = ast.parse(path.read_text("utf-8"))
    assert sorted(face.__all__) == sorted(_list_imports(tree))
    assert len(set(face.__all__)) == len(face.__all__)
    for name in face.__all__:
        assert hasattr(face, name)


@pytest.mark.parametrize("path", FACES, ids=[path.parent.name for path in FACES])
def test_a_face_only_re_exports(path: Path) -> None:
    docstring, *body = ast.parse(path.read_text("utf-8")).body
    assert isinstance(docstring, ast.Expr)
    assert all(isinstance(node, ast.ImportFrom) for node in body[:-1])
    assert isinstance(body[-1], ast.Assign)
    assert ast.unparse(body[-1].targets[0]) == "__all__"
    for node in body[:-1]:  # from its own package, never from another's
        assert isinstance(node, ast.ImportFrom)
        assert (node.module or "").startswith(f"cxrlens.{path.parent.name}.")


def test_the_top_names_what_it_imports() -> None:
    imported = set(_list_imports(ast.parse((ROOT / "__init__.py").read_text("utf-8"))))
    packages = set(cxrlens._PACKAGES)
    assert packages == {path.parent.name for path in FACES}
    offered = {name for names in cxrlens._HOMES.values() for name in names}
    assert sorted(cxrlens.__all__) == sorted(offered)
    # What a type checker sees is what there is at run time.
    assert imported == offered | packages | {"import_module", "TYPE_CHECKING"}
