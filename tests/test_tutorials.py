"""Every tutorial notebook is executed: on phantoms as it stands, one of them on the real set."""

import base64
import io
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from PIL import Image

ROOT = Path(__file__).parents[1]

TUTORIALS = sorted((ROOT / "docs" / "tutorials").glob("*.ipynb"))

REAL_LINE = re.compile(r"^REAL, SETTINGS = None, \[\].*$", re.MULTILINE)
"""The one line that a reader changes to work on the real set."""


def execute(notebook: nbformat.NotebookNode, folder: Path) -> nbformat.NotebookNode:
    NotebookClient(notebook, timeout=900, resources={"metadata": {"path": str(folder)}}).execute()
    return notebook


def list_outputs(notebook: nbformat.NotebookNode, kind: str) -> list[str]:
    return [
        output["data"][kind]
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if kind in output.get("data", {})
    ]


def test_there_is_one_for_each_ancestor() -> None:
    assert len(TUTORIALS) == 4


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_it_is_kept_without_outputs_and_has_its_one_line(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in code)
    assert sum(len(REAL_LINE.findall(cell.source)) for cell in code) == 1
    assert "not a medical device" in "".join(cell.source for cell in notebook.cells)


def check_pictures(notebook: nbformat.NotebookNode, at_least: int) -> None:
    pictures = [base64.b64decode(one) for one in list_outputs(notebook, "image/png")]
    assert len(pictures) >= at_least
    for picture in pictures:
        pixels = np.asarray(Image.open(io.BytesIO(picture)).convert("L"))
        assert min(pixels.shape) >= 300
        assert pixels.std() > 20  # there is something to see


def list_noise(notebook: nbformat.NotebookNode) -> list[str]:
    """What stands on the page that nobody asked for."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [o["text"] for cell in cells for o in cell.outputs if o.get("name") == "stderr"]


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_it_runs_on_phantoms(path: Path, tmp_path: Path) -> None:
    notebook = execute(nbformat.read(path, as_version=4), tmp_path)
    check_pictures(notebook, 8)
    assert list_noise(notebook) == []
    text = "".join(o.get("text", "") for c in notebook.cells for o in c.get("outputs", []))
    assert "within 15 of 224 pixels" in text  # the lesions are known: the maps were judged


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_one_line_makes_it_run_on_the_real_set(shared: Path, tmp_path: Path) -> None:
    path = next(path for path in TUTORIALS if path.stem == "pneumothorax-cnn")
    notebook = nbformat.read(path, as_version=4)
    real = str(shared / "data" / "pneumothorax2")
    small = ["epochs=1", "height=96", "width=96", "network.options.width=8"]
    for cell in notebook.cells:
        cell.source = REAL_LINE.sub(lambda _: f"REAL, SETTINGS = {real!r}, {small!r}", cell.source)
    execute(notebook, tmp_path)
    check_pictures(notebook, 8)
