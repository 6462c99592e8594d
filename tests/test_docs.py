"""Every command and every block of Python in the documentation is run, in order."""

import importlib.util
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import pytest
from tests.conftest import Demo

ROOT = Path(__file__).parents[1]

PAGES = [
    "README.md",
    "docs/tutorial.md",
    "docs/how-to/calibrate-for-your-site.md",
    "docs/how-to/audit-your-data.md",
    "docs/how-to/read-your-collection.md",
    "docs/how-to/train-on-your-folder.md",
    "docs/how-to/train-a-head.md",
    "docs/how-to/compare-two-models.md",
    "docs/how-to/explain-with-lime.md",
    "docs/how-to/judge-the-maps.md",
    "docs/how-to/export-a-model.md",
    "docs/how-to/answer-faster.md",
    "docs/reference/phantoms.md",
    "docs/reading-room.md",
]
"""Pages whose blocks are run. `docs/results.md` is run when its figures change."""

NOT_RUN = {"docs/results.md", "docs/performance.md"}

ENVIRONMENT = {**os.environ, "PYTHONWARNINGS": "default"}

BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def list_blocks(page: str) -> list[tuple[str, str]]:
    return BLOCK.findall((ROOT / page).read_text("utf-8"))


def test_no_page_with_commands_is_forgotten() -> None:
    pages = {"README.md", *(str(p.relative_to(ROOT)) for p in (ROOT / "docs").rglob("*.md"))}
    assert {page for page in pages - NOT_RUN if list_blocks(page)} == set(PAGES)


def test_every_link_leads_somewhere() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            assert target.startswith("http") or (page.parent / target).exists(), (page, target)


def test_generated_pages_are_fresh() -> None:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    for path, text in generate.write_pages().items():
        assert path.read_text("utf-8") == text, f"{path.name} is stale: run `make docs`"


def run(command: list[str], folder: Path) -> None:
    """Run a documented command with this environment's cxrlens in place of the installed one."""
    result = subprocess.run(
        name_ours(command), cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, (command, result.stdout, result.stderr)


@contextmanager
def serve(command: list[str], folder: Path) -> Iterator[None]:
    """Run a documented service, whose line ends in `&`, until the next one or the page's end."""
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            name_ours(command), cwd=folder, env=ENVIRONMENT, stdout=said, stderr=said
        )
        try:
            end = time.monotonic() + 600
            while not (told := read_all(said)).count("open http"):
                assert process.poll() is None, (command, told)
                assert time.monotonic() < end, (command, told)
                time.sleep(0.2)
            yield
        finally:
            process.terminate()
            assert process.wait(60) == 0, read_all(said)


def read_all(file: IO[str]) -> str:
    file.seek(0)
    return file.read()


def name_ours(command: list[str]) -> list[str]:
    if Path(command[0]).name == "cxrlens":
        return [sys.executable, "-m", "cxrlens.cli", *command[1:]]
    return command


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("page", PAGES)
def test_documentation_runs(page: str, demo: Demo) -> None:
    assert demo.outcome.code == 0, demo.outcome.err
    with ExitStack() as served:
        for language, block in list_blocks(page):
            if language == "python":
                run([sys.executable, "-c", block], demo.folder)
                continue
            for line in block.strip().splitlines():
                command = shlex.split(line, comments=True)
                if command[-1:] == ["&"]:
                    served.close()
                    served.enter_context(serve(command[:-1], demo.folder))
                # The demo has run (and `make demo` is what sets this environment up).
                elif command and command not in (["make", "demo"], ["cxrlens", "demo"]):
                    run(command, demo.folder)
