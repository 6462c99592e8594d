import json
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, sync_playwright

from cxrlens.evaluation import Control
from cxrlens.report import FlowStep, Part, Report, WarningCount, write_report
from cxrlens.report.facts import gather_facts
from cxrlens.report.page import render_page, say, show_text
from cxrlens.vocabulary import NOT_A_DEVICE, Estimate, ImageWarning, Refusal

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\n{{ 7 * 7 }}\udcff\u202e</style>"


class Page(HTMLParser):
    """Every figure by its place in the metrics, every tag and attribute, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.figures: list[tuple[str, str]] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self._place: str | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self._place = dict(attrs).get("data-figure")

    def handle_data(self, data: str) -> None:
        if self._place is not None:
            self.figures.append((self._place, data))
        self._place = None
        self.text += data


FURTHER = ("npv", "balanced_accuracy", "average_precision", "brier", "calibration_error")
"""Figures of a class in its second table."""


def render(report: Report) -> Page:
    return Page(render_page(report, gather_facts(report)))


def drop_pictures(report: Report) -> Report:
    return replace(report, cases=(), mistakes=())


def look_up(value: Any, place: str) -> Any:  # noqa: ANN401 (JSON)
    for key in place.split("."):
        value = value[int(key)] if isinstance(value, list) else value[key]
    return value


def test_every_figure_equals_the_metrics_file(full: Report, tmp_path: Path) -> None:
    page_path, metrics_path = write_report(tmp_path, full)
    metrics = json.loads(metrics_path.read_text())
    figures = Page(page_path.read_text()).figures
    assert len(figures) > 150
    for place, shown in figures:
        value = look_up(metrics, place)
        if isinstance(value, float):
            assert abs(float(shown) - value) <= 0.0005
        else:
            assert shown == ("not defined" if value is None else str(value))


def test_of_several_labels_each_outcome_is_on_the_page(several: Report, tmp_path: Path) -> None:
    page_path, metrics_path = write_report(tmp_path, several)
    metrics = json.loads(metrics_path.read_text())
    page = Page(page_path.read_text())
    for place, shown in page.figures:
        value = look_up(metrics, place)
        told = pytest.approx(value, abs=0.0005) if isinstance(value, float) else value
        assert (float(shown) if isinstance(value, float) else int(shown)) == told
    places = {place for place, _ in page.figures}
    for row in range(4):
        at = f"evaluation.per_class.{row}"
        assert {f"{at}.outcomes.false_negatives", f"{at}.n_uncertain", f"{at}.n_missing"} <= places
        assert {f"{at}.{name}.value" for name in FURTHER} <= places
    for name in ("micro_precision", "micro_recall", "micro_f1", "balanced_accuracy"):
        assert f"evaluation.{name}.value" in places
    assert not any(
        place.startswith("evaluation.accuracy") or "confusion" in place for place in places
    )
    for told in ("✗ missed", "✗ false alarm", "✓ found", "? not decided for, truth uncertain"):
        assert told in page.text


def test_the_page_says_by_what_it_decides(several: Report, full: Report) -> None:
    plain = render(several).text
    assert plain.count("at least 0.5") == 2
    point = replace(full.operating[1], rule="youden", chosen_on="a site", is_deciding=True)
    told = replace(several, operating=(point,), model={"is_calibrated": True})
    text = render(told).text
    assert "at least 0.5" not in text
    assert "reaches its threshold; chosen by youden on a site" in text
    assert "as the network gives it, and calibrated" in text


def test_every_judgement_is_on_the_page(full: Report) -> None:
    shown = {place for place, _ in render(full).figures}
    names = ("accuracy", "macro_auroc", "macro_recall", "macro_precision", "macro_f1", "brier")
    for name in (*names, "calibration_error"):
        assert {f"evaluation.{name}.{part}" for part in ("value", "low", "high")} <= shown
    for row in range(4):
        for name in (*FURTHER, "recall", "specificity", "precision", "f1", "auroc"):
            assert f"evaluation.per_class.{row}.{name}.value" in shown
    assert full.maps is not None
    for row in range(len(full.maps.per_class)):
        for name in ("hit_rate", "pointing_game", "heat_inside", "iou", "mask_share"):
            assert f"maps.per_class.{row}.{name}.value" in shown
    for row, col in np.ndindex(4, 4):
        assert f"evaluation.confusion.{row}.{col}" in shown


def test_what_only_flags_is_not_called_the_decision(full: Report) -> None:
    decision, flags = full.operating
    text = " ".join(render(full).text.split())
    assert "The decision by the largest probability" in text
    assert f"Thresholds by {flags.rule}" in text
    alone = " ".join(render(replace(full, operating=(flags,))).text.split())
    assert "The decision by" not in alone
    one_left = replace(decision, per_class=()), decision, flags  # its figures stay at their place
    shown = {place for place, _ in render(replace(full, operating=(decision, *one_left))).figures}
    assert "operating.3.per_class.0.sensitivity.value" in shown


def test_an_interval_below_zero_is_not_a_row_of_dashes(full: Report) -> None:
    (one, *others) = full.prevalence
    low = replace(one, net_benefit=Estimate(-0.02, -0.05, -0.01, 9, "made"))
    text = " ".join(render(replace(full, prevalence=(low, *others))).text.split())
    assert "(-0.050 to -0.010)" in text


def test_a_single_group_is_counted_without_a_table(full: Report) -> None:
    (found,) = full.subgroups
    lone = replace(found, groups=found.groups[:1], n_comparisons=0)
    text = " ".join(render(replace(full, subgroups=(lone,))).text.split())
    assert f"Only {found.groups[0].name} is large enough" in text
    assert "No two groups can be compared" not in text


def test_what_each_stage_moved_is_on_the_page(full: Report) -> None:
    page = render(full)
    figures = dict(page.figures)
    assert figures["stages.0.n_trainable"] == "131842"
    assert figures["stages.0.n_parameters"] == figures["stages.1.n_trainable"] == "21416514"
    assert "head, layer4" in page.text
    assert "What was trained" not in render(replace(full, stages=())).text


def test_cached_features_are_told_epoch_by_epoch(full: Report) -> None:
    told = "view 1 of 3 by openvino in bfloat16"
    histories = [
        replace(one, epochs=tuple(replace(epoch, features=told) for epoch in one.epochs))
        for one in full.histories
    ]
    cached = render(replace(full, histories=tuple(histories))).text
    assert cached.count(told) == sum(len(one.epochs) for one in histories) > 0
    assert "cached features" not in render(full).text


def test_a_page_for_phantoms_and_one_for_patients(full: Report) -> None:
    drawn, real = render(full).text, render(replace(full, is_phantom=False)).text
    assert drawn.count(NOT_A_DEVICE) == 2
    assert "says nothing about patients" in drawn
    assert "contains patient images" not in drawn
    assert "contains patient images" in real
    assert "says nothing about patients" not in real
    bare = render(drop_pictures(replace(full, is_phantom=False))).text
    assert "contains no images, but file names" in bare


def test_without_images_names_stay_and_pictures_go(full: Report) -> None:
    real = replace(full, is_phantom=False)
    shown, hidden = render(real), render(replace(real, shows_images=False))
    assert "This page contains patient images" in shown.text
    assert "img" in shown.tags
    assert "img" not in hidden.tags
    assert "data:image" not in render_page(
        replace(real, shows_images=False), gather_facts(replace(real, shows_images=False))
    )
    assert "contains no images, but file names" in hidden.text
    for case in (*full.cases, *full.mistakes):
        assert case.name in hidden.text


def test_the_way_from_files_to_images_is_drawn(full: Report) -> None:
    page = render(full)
    figures = dict(page.figures)
    assert figures["flow.0.images"] == "1512"
    assert figures["flow.1.images"] == "7"
    assert figures["flow.3.patients"] == "520"
    assert "flow.5.patients" not in figures
    assert "Who is in each part" in page.text


def test_every_figure_of_every_group_is_on_the_page(full: Report) -> None:
    shown = {place for place, _ in render(full).figures}
    (found,) = full.subgroups
    for row, figure in enumerate(found.figures):
        for column, estimate in enumerate(figure.estimates):
            if estimate.value is not None:
                assert f"subgroups.0.figures.{row}.estimates.{column}.value" in shown
        if figure.gap is not None and figure.gap.difference.value:
            assert f"subgroups.0.figures.{row}.gap.difference.low" in shown


def test_what_a_person_must_say_is_left_blank(full: Report) -> None:
    text = render(full).text
    assert "intended useA person must say" in text
    assert "It is not the filled checklist of a paper" in text


def spoil(report: Report) -> Report:
    """Put a hostile text wherever data can bring one."""
    rows = [replace(row, class_name=EVIL) for row in report.evaluation.per_class]
    evaluation = replace(
        report.evaluation,
        classes=(EVIL, *report.evaluation.classes[1:]),
        per_class=tuple(rows),
        roc=tuple(replace(curve, class_name=EVIL) for curve in report.evaluation.roc),
    )
    case = report.cases[0]
    heatmaps = tuple(replace(m, class_name=EVIL, method=EVIL) for m in case.prediction.heatmaps)
    prediction = replace(
        case.prediction,
        classes=(EVIL, *case.prediction.classes[1:]),
        decision=EVIL,
        heatmaps=heatmaps,
        warnings=(ImageWarning("rotated", EVIL),),
    )
    evil_case = replace(case, name=EVIL, truth=EVIL, prediction=prediction)
    return replace(
        report,
        title=EVIL,
        command=EVIL,
        evaluation=evaluation,
        recipe={EVIL: [EVIL]},
        flow=(FlowStep(EVIL, 3, "used"),),
        parts=(Part(EVIL, 3, None, {EVIL: {EVIL: 3}}),),
        model={"network": EVIL, "counts": {EVIL: {EVIL: 1}}},
        notes=(EVIL,),
        controls=(Control(EVIL, Estimate(0.99, 0.9, 1.0, 9, EVIL)),),
        refusals=(Refusal(EVIL, EVIL, EVIL),),
        cases=(evil_case,),
        mistakes=(replace(evil_case, truth="covid"),),
    )


def test_names_cannot_become_markup(full: Report) -> None:
    evil, good = render(spoil(full)), render(full)
    assert "script" not in evil.tags
    assert not [name for name, _ in evil.attributes if name.startswith("on")]
    assert {value for name, value in evil.attributes if name == "src" and value == "x"} == set()
    assert set(evil.tags) <= set(good.tags)
    assert "49" not in evil.text.split("{{")[1][:12]
    assert "alert(1)" in evil.text
    assert "\u202e" not in evil.text


def test_names_are_shown_on_one_visible_line() -> None:
    slash = chr(92)
    assert show_text("a\r\nb\x00\udcff\u202e") == (
        f"a{slash}r{slash}nb{slash}x00{slash}xff{slash}u202e"
    )
    assert show_text("Müller 患者 – x²") == "Müller 患者 – x²"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.000"),
        (1.0, "1.000"),
        (0.12345, "0.123"),
        (0.00012345, "0.00012"),
        (-3e-5, "-3e-05"),
    ],
)
def test_small_figures_keep_two_digits(value: float, text: str) -> None:
    assert say(value) == text


def test_a_control_as_good_as_the_model_raises_the_alarm(full: Report) -> None:
    full = drop_pictures(full)
    strong = Control("file bytes", Estimate(0.99, 0.98, 1.0, 160, "none"))
    assert "“file bytes” alone" not in render(full).text
    text = render(replace(full, controls=(strong,))).text
    assert "“file bytes” alone tells the classes apart about as well" in text
    assert "as good as the model" in text


def test_the_least_report_has_no_empty_sections(bare: Report) -> None:
    page = render(bare)
    assert page.tags.count("h1") == 1
    assert "No mistakes are shown" in page.text
    for absent in ("Does it look", "How the training went", "Notes", "How hard", "without looking"):
        assert absent not in page.text
    links = {value for name, value in page.attributes if name == "href"}
    assert links <= {f"#{value}" for name, value in page.attributes if name == "id"}


def test_folds_are_told_apart(full: Report) -> None:
    full = drop_pictures(full)
    histories = tuple(replace(full.histories[0], fold=fold) for fold in range(5))
    evaluation = replace(full.evaluation, n_folds=5)
    text = render(replace(full, histories=histories, evaluation=evaluation)).text
    assert "pooled from 5 cross-validation folds" in text
    assert "validation, fold 5" in text
    assert "fold" not in render(full).text


def test_figures_that_are_not_defined_say_so(full: Report) -> None:
    full = drop_pictures(full)
    none = Estimate(None, None, None, 0, "none")
    few = Estimate(0.5, None, None, 2, "none")
    evaluation = replace(full.evaluation, macro_auroc=none, accuracy=few, roc=())
    text = render(replace(full, evaluation=evaluation, controls=(Control("x", none),))).text
    assert "not defined" in text
    assert "too few for an interval" in text


def test_refused_and_unlabelled_cases_have_their_words(full: Report) -> None:
    case = full.cases[0]
    refusal = Refusal("a", "empty", "there is nothing in it")
    refused = replace(
        case.prediction, decision=None, probabilities=(), logits=(), heatmaps=(), refusal=refusal
    )
    warned = replace(
        case.prediction, warnings=(ImageWarning("rotated", "looks like a lateral view"),)
    )
    cases = (replace(case, prediction=refused), replace(case, truth=None, prediction=warned))
    text = render(replace(full, cases=cases, mistakes=())).text
    for words in ("– refused", refusal.message, "? truth unknown", "looks like a lateral view"):
        assert words in text


def test_reservations_are_counted_with_an_example(full: Report) -> None:
    full = drop_pictures(full)
    assert "Images used with reservations" not in render(full).text
    warned = replace(full, warnings=(WarningCount("inverted", 17, "'a.png' was turned back"),))
    text = render(warned).text
    for words in ("Images used with reservations", "inverted", "17", "'a.png' was turned back"):
        assert words in text


def test_pictures_and_tables_can_be_read_aloud(full: Report) -> None:
    html = render_page(full, gather_facts(full))
    assert '<html lang="en">' in html
    assert html.count("<img ") == html.count('alt="') > 10
    assert html.count("<th ") == html.count("<th scope=")
    assert "<th>" not in html


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("kind", ["full", "spoilt", "bare", "several"])
def test_a_browser_shows_it_without_asking_anyone(
    browser: Browser, request: pytest.FixtureRequest, tmp_path: Path, kind: str, width: int
) -> None:
    report = request.getfixturevalue("full" if kind == "spoilt" else kind)
    path, _ = write_report(tmp_path, spoil(report) if kind == "spoilt" else report)
    page = browser.new_page(viewport={"width": width, "height": 800})
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda r: asked.append(r.url))
    page.on("console", lambda m: said.append(m.text))
    page.on("pageerror", lambda e: said.append(str(e)))
    page.on("dialog", lambda d: (said.append(d.message), d.dismiss()))
    page.goto(path.as_uri())
    assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()]
    assert said == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    loaded = "[...document.images].every(i => i.complete && i.naturalWidth > 0)"
    assert page.evaluate(loaded)
    page.close()
