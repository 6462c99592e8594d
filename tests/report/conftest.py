"""Made-up reports: phantoms, predictions that are mostly right, and maps near the lesion."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from cxrlens.evaluation import (
    Control,
    MapEvaluation,
    choose_operating_point,
    judge,
    judge_calibration,
    judge_control,
    judge_maps,
    judge_operating,
    judge_subgroups,
    read_rule,
    rebase,
    score_heatmap,
)
from cxrlens.phantom import FINDINGS, Phantom, draw_set
from cxrlens.report import Case, Digests, FlowStep, History, Measure, Part, Report
from cxrlens.vocabulary import (
    ARGMAX,
    EACH_AT_HALF,
    Epoch,
    Geometry,
    Heatmap,
    Prediction,
    PredictionTable,
    Provenance,
    Refusal,
    StageSize,
    digest,
)

PROVENANCE = Provenance(
    "2026-01-02T03:04:05+00:00", "3.11", "x86_64", {"cxrlens": "0", "numpy": "2"}
)
DIGESTS = Digests(digest(b"bundle"), digest(b"split"), digest(b"data"))


def softmax(logits: np.ndarray) -> np.ndarray:
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)


def make_table(
    classes: tuple[str, ...], n: int, *, folds: int = 1, seed: int = 0
) -> PredictionTable:
    random = np.random.default_rng(seed)
    truth = np.arange(n) % len(classes)
    logits = random.normal(0, 1, (n, len(classes))) + 2.2 * np.eye(len(classes))[truth]
    return PredictionTable(
        classes=classes,
        images=tuple(f"{i}.png" for i in range(n)),
        patients=tuple(f"p{i // (2 * len(classes))}-{i % len(classes)}" for i in range(n)),
        truth=truth,
        logits=logits,
        probabilities=softmax(logits),
        folds=np.arange(n) % folds,
    )


def make_heatmap(phantom: Phantom, class_name: str, random: np.random.Generator) -> Heatmap:
    cells = phantom.lesion.reshape(16, 16, 16, 16).mean(axis=(1, 3))
    near = np.pad(cells, 1)
    smooth = sum(near[r : r + 16, c : c + 16] for r in range(3) for c in range(3)) / 4
    grid = (smooth + random.normal(0, 0.08, (16, 16))).astype(np.float32)
    geometry = Geometry((256, 256), (224, 224), 0.0, 0.0, 256.0, 256.0)
    return Heatmap(grid, geometry, class_name, "cam")


def make_case(phantom: Phantom, number: int, decision: str, random: np.random.Generator) -> Case:
    classes = FINDINGS
    logits = random.normal(0, 0.6, len(classes))
    logits[classes.index(decision)] = logits.max() + random.uniform(0.1, 3)
    prediction = Prediction(
        image=f"test/{phantom.finding}/{number:05d}.png",
        bundle_digest=DIGESTS.bundle,
        classes=classes,
        operating_point=ARGMAX,
        logits=tuple(map(float, logits)),
        probabilities=tuple(map(float, softmax(logits))),
        decision=decision,
        heatmaps=tuple(make_heatmap(phantom, name, random) for name in classes),
    )
    pixels = (phantom.pixels / 255).astype(np.float32)
    return Case(prediction.image, pixels, phantom.finding, prediction, phantom.lesion)


def make_cases(n: int, *, wrong_every: int, seed: int = 0) -> tuple[Case, ...]:
    random = np.random.default_rng(seed)
    cases = []
    for number, phantom in enumerate(draw_set(n, seed=seed)):
        others = [f for f in FINDINGS if f != phantom.finding]
        is_wrong = number % wrong_every == wrong_every - 1
        decision = others[number % 3] if is_wrong else phantom.finding
        cases.append(make_case(phantom, number, decision, random))
    return tuple(cases)


def make_history(fold: int, epochs: int = 12) -> History:
    random = np.random.default_rng(fold)
    rows = []
    for i in range(epochs):
        noise = random.normal(0, 0.02, 3)
        rows.append(
            Epoch(
                epoch=i + 1,
                train_loss=float(1.3 * np.exp(-i / 4) + 0.1 + noise[0]),
                val_loss=float(1.3 * np.exp(-i / 3) + 0.25 + 0.01 * i + noise[1]),
                val_auroc=float(0.98 - 0.35 * np.exp(-i / 3) + noise[2] / 2),
                learning_rate=1e-3 if i < 6 else 1e-4,
                is_best=i == epochs - 3,
            )
        )
    return History(fold, tuple(rows))


def make_maps(cases: tuple[Case, ...]) -> MapEvaluation:
    sick = [c for c in cases if c.mask is not None and c.mask.any() and c.truth is not None]
    maps = [c.prediction.heatmaps[c.prediction.classes.index(c.truth or "")] for c in sick]
    scores = [score_heatmap(m, c.mask) for m, c in zip(maps, sick, strict=True)]
    names = [c.truth or "" for c in sick]
    return judge_maps(scores, names, np.arange(len(sick)), method="cam")


def make_control(table: PredictionTable, strength: float) -> Control:
    random = np.random.default_rng(5)
    values = strength * (table.truth == 1) + random.normal(0, 1, len(table.truth))
    return judge_control("file bytes", values, table.truth, table.classes, table.clusters)


@pytest.fixture(scope="session")
def cases() -> tuple[Case, ...]:
    return make_cases(8, wrong_every=3)


def make_several(case: Case, labels: tuple[int | None, ...], logits: np.ndarray) -> Case:
    """The image of a case, answered for by a model of several labels."""
    names = ("pneumonia", "covid", "opacity", "effusion")
    probabilities = 1 / (1 + np.exp(-logits))
    decisions = tuple(n for n, p in zip(names, probabilities, strict=True) if p >= 0.5)
    grids = zip(case.prediction.heatmaps, names, strict=True)
    prediction = replace(
        case.prediction,
        classes=names,
        operating_point=EACH_AT_HALF,
        logits=tuple(map(float, logits)),
        probabilities=tuple(map(float, probabilities)),
        decision=names[int(logits.argmax())] if decisions else None,
        is_multilabel=True,
        decisions=decisions,
        heatmaps=tuple(replace(heatmap, class_name=name) for heatmap, name in grids),
    )
    known = dict(zip(names, labels, strict=True))
    truth = "; ".join(name for name in names if known[name] == 1) or "none of them"
    is_known = any(label in (0, 1) for label in labels)
    return Case(case.name, case.pixels, truth if is_known else None, prediction, None, known)


@pytest.fixture(scope="session")
def several_case(cases: tuple[Case, ...]) -> Case:
    """Decided for the first two of four classes, 0.95 and 0.6; 0.3 and 0.1 for the others."""
    shares = np.array([0.95, 0.6, 0.3, 0.1])
    return make_several(cases[0], (1, 0, 1, 0), np.log(shares / (1 - shares)))


@pytest.fixture(scope="session")
def several(cases: tuple[Case, ...], bare: Report) -> Report:
    """Four labels an image, of which any may be uncertain or missing."""
    random = np.random.default_rng(3)
    n, k = 160, 4
    labels = random.choice([1, 0, -1, np.nan], size=(n, k), p=[0.3, 0.5, 0.1, 0.1])
    logits = random.normal(0, 1.2, (n, k)) + np.where(labels == 1, 1.2, -0.8)
    table = PredictionTable(
        classes=("pneumonia", "covid", "opacity", "effusion"),
        images=tuple(f"{i}.png" for i in range(n)),
        patients=tuple(f"p{i // 2}" for i in range(n)),
        truth=np.full(n, -1),
        logits=logits,
        probabilities=1 / (1 + np.exp(-logits)),
        folds=np.arange(n) // 2 % 2,
        labels=labels.astype(np.float32),
    )
    told = tuple(
        make_several(
            case, tuple(None if np.isnan(one) else int(one) for one in labels[row]), logits[row]
        )
        for row, case in enumerate(cases)
    )
    return replace(
        bare,
        is_phantom=True,
        evaluation=judge(table, resamples=50),
        cases=told,
        mistakes=tuple(case for case in told if case.is_right is False),
    )


@pytest.fixture(scope="session")
def bare() -> Report:
    """The least that a report can hold."""
    return Report(
        title="A model",
        command="cxrlens evaluate runs/a/bundle data",
        is_phantom=False,
        evaluation=judge(make_table(("NORMAL", "PNEUMONIA"), 40), resamples=50),
        recipe={"epochs": 3},
        digests=DIGESTS,
        provenance=PROVENANCE,
    )


@pytest.fixture(scope="session")
def full(cases: tuple[Case, ...]) -> Report:
    """Every section filled."""
    return make_full(cases, 160)


def make_full(cases: tuple[Case, ...], n: int) -> Report:
    table = make_table(FINDINGS, n)
    other = make_table(FINDINGS, n, seed=1)
    rule = read_rule("sensitivity>=0.9")
    point = choose_operating_point(other, other.probabilities, rule, "the validation part")
    operating = judge_operating(table, [point])
    return Report(
        title="Phantoms, compact network",
        command="cxrlens demo --out runs/demo",
        is_phantom=True,
        evaluation=judge(table, resamples=100),
        recipe={"network": {"name": "compact"}, "epochs": 12, "seed": 0},
        digests=DIGESTS,
        provenance=PROVENANCE,
        maps=make_maps(cases),
        calibration=judge_calibration(table, resamples=50),
        operating=(judge_operating(table, [ARGMAX]), operating),
        prevalence=tuple(rebase(one, 0.05) for one in operating.per_class),
        controls=(make_control(table, 0.2),),
        difficulty=(
            Measure("lesion area, median share of the image", "3.1 %", "1–8 %", True),
            Measure("logistic regression on 32-pixel thumbnails, AUROC", "0.87", "≤ 0.85", False),
        ),
        flow=(
            FlowStep("files found", 1512, "all"),
            FlowStep("refused: truncated", 7, "left out"),
            FlowStep("refused: too-small", 5, "left out"),
            FlowStep("trained on", 1040, "used", 520),
            FlowStep("chose the epoch", 230, "used", 115),
            FlowStep("used for the figures", 230, "used"),
        ),
        parts=(
            Part("trained on", 1040, 520, {"class": {"normal": 640, "covid": 400}}),
            Part("used for the figures", 230, None, {"class": {"normal": 230}, "sex": {"F": 99}}),
        ),
        subgroups=(
            judge_subgroups(
                table,
                "sex",
                ["FM"[row // 8 % 2] if row % 9 else None for row in range(n)],
                resamples=50,
            ),
        ),
        model={
            "network": {"name": "compact"},
            "initial_weights": "none",
            "preprocessing": {"height": 224},
            "counts": {"train": {"normal": 640}},
        },
        histories=(make_history(0),),
        stages=(
            StageSize("frozen", ("head", "layer4"), 131_842, 21_416_514),
            StageSize("unfrozen", ("*",), 21_416_514, 21_416_514),
        ),
        notes=("No patient numbers were given, so every image counts as a patient of its own.",),
        cases=cases,
        mistakes=tuple(c for c in cases if c.is_right is False),
        refusals=(Refusal("a.png", "truncated", "the file ends early: fetch it again"),),
    )


@pytest.fixture
def retitle(full: Report) -> Callable[[str], Report]:
    return lambda title: replace(full, title=title)
