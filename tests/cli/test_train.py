import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

FILES = {"bundle", "epochs.csv", "logs", "metrics.json", "parameters.csv", "predictions.csv"} | {
    "classes.csv",
    "pictures",
    "predictions.jsonl",
    "recipe.yaml",
    "report.html",
    "split.csv",
}


def test_train_writes_everything_and_counts_up(cxrlens, phantom_folder, quick, elsewhere) -> None:
    for name in ("phantom", "phantom2"):
        outcome = cxrlens("train", phantom_folder, "--recipe", "phantom", *quick)
        assert outcome.code == 0
        run = elsewhere / "runs" / name
        assert {entry.name for entry in run.iterdir()} == FILES
        drawn = {picture.stem for picture in (run / "pictures").iterdir()}
        always = {"cases", "one-per-class", "roc", "confusion", "learning-curves"}
        assert drawn - {"mistakes"} == always
        assert "macro AUROC" in outcome.out
        assert "not a medical device" in outcome.out
        assert f"writing to runs/{name}" in outcome.err
        assert "\ntrain everything (" in outcome.err


def test_json_is_all_that_goes_to_stdout(cxrlens, phantom_folder, quick) -> None:
    outcome = cxrlens("train", phantom_folder, "--recipe", "phantom", "--json", *quick)
    facts = json.loads(outcome.out)
    metrics = json.loads((Path(facts["folder"]) / "metrics.json").read_text())
    assert facts["evaluation"] == metrics["evaluation"]


def test_folds(cxrlens, phantom_folder, quick, elsewhere) -> None:
    outcome = cxrlens("train", phantom_folder, "--recipe", "phantom", "--folds", 2, *quick)
    assert outcome.code == 0
    assert (elsewhere / "runs/phantom/fold2/bundle/weights.safetensors").is_file()
    assert "72 images" in outcome.out


def test_seeds(cxrlens, phantom_folder, quick, elsewhere) -> None:
    arguments = ["--recipe", "phantom", "--seeds", 2, *quick, "epochs=1"]
    outcome = cxrlens("train", phantom_folder, *arguments)
    assert outcome.code == 0
    run = elsewhere / "runs/phantom"
    answers = [(run / seed / "predictions.csv").read_text() for seed in ("seed0", "seed1")]
    assert not (run / "predictions.csv").exists()
    assert not (run / "bundle").exists()
    n_images = len(answers[0].splitlines()) - 1
    assert f"{n_images} images × 2 seeds" in outcome.out
    assert "From seed to seed: macro AUROC" in outcome.err
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["evaluation"]["n_images"] == n_images
    assert [one["seed"] for one in metrics["seeds"]["by_seed"]] == [0, 1]
    assert [one["seed"] for one in metrics["histories"]] == [0, 1]
    flow = {one["step"]: one["images"] for one in metrics["flow"]}
    assert flow["used for the figures"] == n_images
    page = (run / "report.html").read_text()
    low, high = metrics["seeds"]["accuracy"]
    assert "From seed to seed" in page
    assert f'data-figure="seeds.accuracy.1">{high:.3f}' in page
    assert low <= metrics["evaluation"]["accuracy"]["value"] <= high


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--recipe", "defualt"], "did you mean 'default'"),
        (["--recipe", "phantom", "epoch=3"], "did you mean 'epochs'"),
        (["--recipe", "phantom", "epochs=0"], "stages.1.epochs"),
        (["--recipe", "phantom", "trainable=[layer4]"], "there are stem, blocks, head"),
        (["--resume", "nowhere"], "nowhere/recipe.yaml cannot be read"),
        (["--recipe", "phantom", "--resume", "nowhere"], "no unfinished run"),
        (["--recipe", "phantom", "epochs"], "key=value"),
        (["--recipe", "phantom", "backbone=resnet3"], "did you mean"),
        (["--recipe", "phantom", "weights=nowhere.pth"], "nowhere.pth"),
    ],
)
def test_wrong_use_is_one_sentence(cxrlens, phantom_folder, arguments, words, elsewhere) -> None:
    outcome = cxrlens("train", phantom_folder, *arguments)
    assert outcome.code == 2
    last = outcome.err.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert words in last
    assert "Traceback" not in outcome.err
    assert not list(elsewhere.rglob("bundle"))


def test_wrong_input_leaves_nothing_behind(cxrlens, phantom_folder, elsewhere) -> None:
    for arguments in (["nowhere"], [phantom_folder, "--recipe", "phantom", "weights=none.pth"]):
        assert cxrlens("train", *arguments, "--out", "run").code == 2
        assert not (elsewhere / "run").exists()


def test_folds_beside_a_test_part_that_comes_with_the_data(
    cxrlens, phantom_folder, quick, tmp_path
) -> None:
    for part, rows in (("train", slice(0, 18)), ("test", slice(18, None))):
        for label in ("covid", "normal", "pneumonia"):
            folder = tmp_path / "parts" / part / label
            folder.mkdir(parents=True)
            for image in sorted((phantom_folder / label).iterdir())[rows]:
                (folder / image.name).write_bytes(image.read_bytes())
    options = ["--recipe", "phantom", "--folds", 2, "--json", "--out", "run", *quick]
    outcome = cxrlens("train", tmp_path / "parts", *options, "validation=0.3")
    assert outcome.code == 0, outcome.err
    facts = json.loads(outcome.out)
    flow = {row["step"]: row["images"] for row in facts["flow"]}
    assert flow["test part left unused, or copies"] == 72 - 54
    assert facts["evaluation"]["n_images"] == 54


def test_copies_of_training_images_are_not_judged_on(
    cxrlens, phantom_folder, quick, tmp_path
) -> None:
    """Under names that hold no patient, each image stands twice."""
    for label in ("covid", "normal"):
        (tmp_path / "data" / label).mkdir(parents=True)
        for number, image in enumerate(sorted((phantom_folder / label).iterdir())):
            for copy in "ab":
                path = tmp_path / "data" / label / f"{number}{copy}.png"
                path.write_bytes(image.read_bytes())
    outcome = cxrlens("train", tmp_path / "data", "--recipe", "phantom", "--json", *quick)
    assert outcome.code == 0, outcome.err
    facts = json.loads(outcome.out)
    flow = {row["step"]: row["images"] for row in facts["flow"]}
    assert flow["test images that are copies of training images"] > 0
    assert facts["evaluation"]["n_images"] == flow["used for the figures"] > 0
    assert any("copies of training images" in note for note in facts["notes"])


def test_a_bad_mask_is_refused_and_stops_nothing(cxrlens, phantom_folder, quick, tmp_path) -> None:
    from PIL import Image

    data = tmp_path / "data"
    shutil.copytree(phantom_folder, data)
    masks = sorted((data / "masks").rglob("*.png"))
    masks[0].write_bytes(b"no image")
    Image.new("L", (10, 10), 255).save(masks[1])
    Image.new("L", (256, 256), 0).save(masks[2])
    outcome = cxrlens("train", data, "--recipe", "phantom", *quick)
    assert outcome.code == 3, outcome.err
    assert outcome.err.count("refused (bad-mask)") == 3


def test_a_training_that_diverges_says_so(cxrlens, phantom_folder, quick) -> None:
    options = ["learning_rate=1e30", "--recipe", "phantom"]
    outcome = cxrlens("train", phantom_folder, *quick, *options)
    assert outcome.code == 2
    assert "diverged" in outcome.err


def write_bad(path: Path, kind: str, canary: Path) -> None:
    """A weight file as row 43 and 45 of the catalogue of bad inputs have it."""
    import pickle

    import torch

    class Malicious:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (os.system, (f"touch {canary}",))

    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "html":
        path.write_bytes(b"<!doctype html><html>404</html>")
    elif kind == "half":
        torch.save({"weight": torch.zeros(1000)}, path)
        path.write_bytes(path.read_bytes()[:2000])
    elif kind == "pickle":
        path.write_bytes(pickle.dumps(Malicious()))
    elif kind == "checkpoint":
        torch.save({"state_dict": {"weight": torch.zeros(2)}, "transform": Malicious()}, path)
    elif kind == "header":
        path.write_bytes(b"\xff" * 8 + b"{}")


BAD_FILES = ["empty", "html", "half", "pickle", "checkpoint", "header"]


@pytest.mark.parametrize("kind", BAD_FILES)
def test_bad_weights_are_one_sentence_and_run_nothing(
    cxrlens, phantom_folder, quick, tmp_path, elsewhere, kind
) -> None:
    path, canary = tmp_path / "weights.pth", tmp_path / "canary"
    write_bad(path, kind, canary)
    outcome = cxrlens("train", phantom_folder, "--recipe", "phantom", *quick, f"weights={path}")
    assert outcome.code == 2
    assert str(path) in outcome.err.strip().splitlines()[-1]
    assert not canary.exists()
    assert not list(elsewhere.rglob("bundle"))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(
    cxrlens, phantom_folder, bundle, quick, tmp_path, bad
) -> None:
    from safetensors.torch import load, save

    from cxrlens.network import load_backbone_weights
    from cxrlens.training import build_initial_network, load_recipe

    recipe = load_recipe("phantom", quick)
    network, _ = build_initial_network(recipe, 3)
    tensors = load((bundle / "weights.safetensors").read_bytes())
    prefix = "backbone.network."
    backbone = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    path = tmp_path / "weights.safetensors"
    path.write_bytes(save(backbone))
    options = ["--recipe", "phantom", *quick, f"weights={path}"]
    load_backbone_weights(network.backbone, recipe.network, str(path))  # they fit
    backbone["stem.0.1.running_var"][3] = bad
    path.write_bytes(save(backbone))
    outcome = cxrlens("train", phantom_folder, *options, "--out", "bad")
    assert outcome.code == 2
    assert "'stem.0.1.running_var' holds values that are not finite" in outcome.err
    assert not Path("bad").exists()


class Interrupting:
    """Progress that does something at one step of a training."""

    def __init__(self, step: int, act: Callable[[], None]) -> None:
        self.step, self.act = step, act

    def advance(self, task: str, done: int, total: int) -> None:  # noqa: ARG002
        if task.startswith("train ") and done == self.step:
            self.act()


def interrupt(data: Path, folder: Path, options: list[str], act: Callable[[], None]) -> None:
    """Train as the command does, until something is done at the third step."""
    from cxrlens.data import read_table
    from cxrlens.model import run_training
    from cxrlens.training import claim_run_folder, load_recipe

    recipe = load_recipe("phantom", options)
    with claim_run_folder(folder, "phantom"):
        run_training(read_table(data), recipe, folder, progress=Interrupting(3, act))


def stop() -> None:
    raise KeyboardInterrupt


@pytest.fixture
def unfinished(phantom_folder, quick, elsewhere) -> Path:
    """The folder of a training that was stopped at its third step, with a checkpoint."""
    with pytest.raises(KeyboardInterrupt):
        interrupt(phantom_folder, elsewhere / "run", [*quick, *OFTEN], stop)
    assert (elsewhere / "run" / "checkpoint").exists()
    return elsewhere / "run"


OFTEN = ["checkpoint_steps=1", "batch_size=8"]


@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_bad_checkpoint_is_one_sentence_and_runs_nothing(
    cxrlens, phantom_folder, unfinished, tmp_path, kind
) -> None:
    path, canary = unfinished / "checkpoint", tmp_path / "canary"
    if kind == "half":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    else:
        write_bad(path, kind, canary)
    content = path.read_bytes()
    outcome = cxrlens("train", phantom_folder, "--resume", "run")
    assert outcome.code == 2
    last = outcome.err.strip().splitlines()[-1]
    assert last.startswith("error: checkpoint run/checkpoint")
    assert "remove it to start this training anew" in last
    assert "Traceback" not in outcome.err
    assert not canary.exists()
    assert path.read_bytes() == content
    if kind == "empty":
        path.unlink()  # and that is a way out
        assert cxrlens("train", phantom_folder, "--resume", "run").code == 0


def test_the_checkpoint_of_another_training_is_refused_by_name(
    cxrlens, phantom_folder, unfinished, quick, tmp_path
) -> None:
    content = (unfinished / "checkpoint").read_bytes()
    wider = [*quick, *OFTEN, "network.options.width=12"]
    outcome = cxrlens("train", phantom_folder, "--recipe", "phantom", "--resume", "run", *wider)
    assert outcome.code == 2
    assert "'width': 8" in outcome.err
    assert "'width': 12" in outcome.err
    (unfinished / "recipe.yaml").write_text(
        (unfinished / "recipe.yaml").read_text().replace("width: 8", "width: 12")
    )
    outcome = cxrlens("train", phantom_folder, "--resume", "run")
    assert outcome.code == 2
    assert "is of another training: its recipe is" in outcome.err
    data = Path(shutil.copytree(phantom_folder, tmp_path / "data"))
    (data / "covid").rename(data / "tuberculosis")
    outcome = cxrlens("train", data, "--resume", "run")
    assert outcome.code == 2
    assert "is not the split of these data" in outcome.err
    assert (unfinished / "checkpoint").read_bytes() == content


def mount(place: Path, *options: str) -> Iterator[Path]:
    """Mount a file system of its own for the time of a test."""
    place.mkdir()
    command = [shutil.which("mount") or "false", "-t", "tmpfs", *options, "tmpfs", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a small file system")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    yield from mount(tmp_path / "disk", "-o", "size=32m")


@pytest.fixture
def closed_disk(tmp_path) -> Iterator[Path]:
    yield from mount(tmp_path / "disk", "-o", "ro")


@pytest.mark.slow
def test_a_full_disk_costs_no_checkpoint_and_no_bit(
    cxrlens, phantom_folder, quick, small_disk, elsewhere
) -> None:
    from cxrlens.vocabulary import OutputError

    options = [*quick, *OFTEN]
    cxrlens("train", phantom_folder, "--recipe", "phantom", *options, "--out", "whole")
    run, ballast = small_disk / "run", small_disk / "ballast"

    def fill() -> None:
        with ballast.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))

    with pytest.raises(OutputError, match=r"cannot write .*checkpoint.*No space left on device"):
        interrupt(phantom_folder, run, options, fill)
    content = (run / "checkpoint").read_bytes()
    outcome = cxrlens("train", phantom_folder, "--resume", run)
    assert outcome.code == 2
    assert "No space left on device" in outcome.err.strip().splitlines()[-1]
    assert "Traceback" not in outcome.err
    assert (run / "checkpoint").read_bytes() == content
    assert not list(run.rglob(".*.part"))
    ballast.unlink()
    outcome = cxrlens("train", phantom_folder, "--resume", run)
    assert outcome.code == 0, outcome.err
    assert read_weights(run) == read_weights(elsewhere / "whole")


def test_a_disk_that_cannot_be_written_is_told_before_work(
    cxrlens, phantom_folder, closed_disk, monkeypatch
) -> None:
    monkeypatch.chdir(closed_disk)
    for options in ([], ["--out", "run"], ["--out", "."]):
        outcome = cxrlens("train", phantom_folder, "--recipe", "phantom", *options)
        assert outcome.code == 2
        assert outcome.err.count("\n") == 1
        assert "cannot be written (Read-only file system)" in outcome.err


@pytest.mark.parametrize(
    ("out", "words"),
    [("file/run", "cannot be written"), ("full", "not empty"), ("/proc/run", "cannot be written")],
)
def test_a_place_that_cannot_be_written_is_told_before_work(
    cxrlens, phantom_folder, elsewhere, out, words
) -> None:
    (elsewhere / "file").write_text("")
    (elsewhere / "full").mkdir()
    (elsewhere / "full" / "something").write_text("")
    outcome = cxrlens("train", phantom_folder, "--recipe", "phantom", "--out", out)
    assert outcome.code == 2
    assert words in outcome.err
    assert "--out" in outcome.err


@pytest.mark.slow
def test_two_trainings_never_share_a_folder(phantom_folder, quick, elsewhere) -> None:
    command = [sys.executable, "-m", "cxrlens.cli", "train", phantom_folder, "--recipe", "phantom"]
    options = [*quick, "epochs=2000", "--out", "same"]
    first = subprocess.Popen([*command, *options], stderr=subprocess.PIPE, text=True)
    try:
        assert first.stderr is not None
        assert "writing to same" in first.stderr.readline()
        second = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
        assert second.returncode == 2
        assert f"in use by process {first.pid}" in second.stderr
    finally:
        first.send_signal(signal.SIGKILL)
        first.communicate()


@pytest.mark.slow
def test_ctrl_c_is_quiet(phantom_folder, quick, elsewhere) -> None:
    command = [sys.executable, "-m", "cxrlens.cli", "train", phantom_folder, "--recipe", "phantom"]
    process = subprocess.Popen(
        [*command, *quick, "epochs=2000", "--out", "run"], stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    process.stderr.readline()
    time.sleep(15)
    process.send_signal(signal.SIGINT)
    _, talk = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in talk
    assert not (elsewhere / "run" / "bundle").exists()


@pytest.mark.slow
def test_no_home_is_no_fault(phantom_folder, quick, elsewhere) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "HOME"}
    for home in ({}, {"HOME": "/nowhere"}):
        outcome = subprocess.run(
            [sys.executable, "-m", "cxrlens.cli", "train", phantom_folder, *quick, "--recipe"]
            + ["phantom"],
            env={**environment, **home},
            capture_output=True,
            text=True,
            check=False,
        )
        assert outcome.returncode == 0, outcome.stderr
        assert "Traceback" not in outcome.stderr


def test_limit(cxrlens, phantom_folder, quick) -> None:
    options = ["--recipe", "phantom", "--limit", 10, "--json", *quick]
    outcome = cxrlens("train", phantom_folder, *options)
    assert outcome.code == 0, outcome.err
    facts = json.loads(outcome.out)
    assert facts["flow"][0]["images"] == 30
    assert any("--limit" in note for note in facts["notes"])


def read_weights(folder: Path) -> bytes:
    return (folder / "bundle" / "weights.safetensors").read_bytes()


def test_a_finished_run_is_not_resumed(cxrlens, phantom_folder, quick, elsewhere) -> None:
    cxrlens("train", phantom_folder, "--recipe", "phantom", "--out", "run", *quick)
    outcome = cxrlens("train", phantom_folder, "--resume", "run")
    assert outcome.code == 2
    assert "no unfinished run" in outcome.err


def test_a_resumed_run_has_one_folder(cxrlens, phantom_folder, quick, elsewhere) -> None:
    (elsewhere / "run").mkdir()
    (elsewhere / "run" / ".lock").write_text("")
    outcome = cxrlens(
        "train", phantom_folder, "--recipe", "phantom", "--resume", "run", "--out", "other"
    )
    assert outcome.code == 2
    assert "leave --out other away" in outcome.err


class Killing:
    """A training in a process of its own that can be killed and gone on with."""

    def __init__(self, data: Path, folder: Path, options: list[str]) -> None:
        self.data, self.folder, self.options = data, folder, options

    def start(self, resume: bool = False) -> subprocess.Popen[bytes]:
        new = ["--recipe", "phantom", "--out", self.folder, *self.options]
        more = ["--resume", self.folder] if resume else new
        command = [sys.executable, "-m", "cxrlens.cli", "train", self.data, *more]
        return subprocess.Popen(
            [str(part) for part in command],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def kill_when(self, ready: Callable[[], bool], resume: bool = False) -> bool:
        """Kill -9 as soon as something is there to see; tell whether it was in time."""
        process = self.start(resume)
        while process.poll() is None and not ready():
            time.sleep(0.001)
        process.kill()
        process.communicate()
        return process.returncode == -signal.SIGKILL

    def kill_inside_a_checkpoints_write(self) -> Path | None:
        """Stop it whenever something is being written; kill -9 where that is a later checkpoint."""
        process = self.start()
        while process.poll() is None:
            if not ((self.folder / "checkpoint").exists() and find_parts(self.folder)):
                continue
            process.send_signal(signal.SIGSTOP)
            time.sleep(0.01)  # until every thread of it stands still
            half = next((part for part in find_parts(self.folder) if is_checkpoint(part)), None)
            if half is not None:
                process.kill()
                process.communicate()
                return half
            process.send_signal(signal.SIGCONT)
        process.communicate()
        return None

    def finish(self, resume: bool = True) -> None:
        process = self.start(resume)
        _, talk = process.communicate(timeout=300)
        assert process.returncode == 0, talk.decode()


@pytest.mark.slow
def test_killed_at_any_place_it_ends_in_the_same_weights(phantom_folder, quick, elsewhere) -> None:
    from cxrlens.training.checkpoint import read_checkpoint

    options = [*quick, "epochs=6", "checkpoint_steps=1", "batch_size=8"]
    whole = Killing(phantom_folder, elsewhere / "whole", options)
    whole.finish(resume=False)
    run = Killing(phantom_folder, elsewhere / "run", options)
    path = run.folder / "checkpoint"
    log: list[str] = []

    def is_writing() -> bool:
        return path.exists() and any(run.folder.glob(".*.part"))

    def has_changed() -> bool:
        return path.exists() and path.stat().st_mtime_ns != before

    for attempt in range(5):
        before = path.stat().st_mtime_ns if path.exists() else 0
        ready = is_writing if attempt % 2 else has_changed
        if not run.kill_when(ready, resume=attempt > 0):
            break
        if path.exists():
            # What it is of is not known here: only that it can be read.
            found = read_checkpoint(path, {})
            assert found is not None
            log.append(f"{found.progression.place}")
    assert len(log) >= 3, log
    if not (run.folder / "bundle").exists():
        run.finish()
    assert read_weights(run.folder) == read_weights(whole.folder), log
    assert not list(run.folder.rglob(".*.part"))


TWO_STAGES = ["--recipe", "pneumonia-resnet34", "stages.1.epochs=1", "stages.2.epochs=2"] + [
    # A wide head makes checkpoints whose write can be hit.
    "height=64", "width=64", "network.backbone=compact", "network.options={width: 8}",
    "network.hidden=[1024, 512]", "network.mean=[0.5]", "network.std=[0.25]", "weights=none",
    "precision=float32", "batch_size=8", "checkpoint_steps=1",
]  # fmt: skip


@pytest.mark.slow
def test_killed_between_stages_and_inside_a_checkpoints_write(phantom_folder, elsewhere) -> None:
    """`benchmarks/kill_training.py` does so twenty times."""
    from cxrlens.training.checkpoint import Place, read_checkpoint

    whole = Killing(phantom_folder, elsewhere / "whole", TWO_STAGES)
    whole.finish(resume=False)

    def is_between() -> bool:
        epochs = run.folder / "epochs.csv"
        if not (epochs.exists() and path.exists()) or epochs.read_text().count("\n") != 1 + 1:
            return False
        return path.stat().st_mtime_ns > epochs.stat().st_mtime_ns

    places = []
    for attempt in range(6):  # the moment is short: a busy machine may miss it
        run = Killing(phantom_folder, elsewhere / f"run{attempt}", TWO_STAGES)
        path = run.folder / "checkpoint"
        assert run.kill_when(is_between)
        found = read_checkpoint(path, {})
        assert found is not None
        places.append(found.progression.place)
        if places[-1] == Place(0, 1, 0):
            break
    assert places[-1] == Place(0, 1, 0), places

    run.finish()
    assert read_weights(run.folder) == read_weights(whole.folder)

    for attempt in range(5):  # a write is a few milliseconds, of which there are many in a run
        run = Killing(phantom_folder, elsewhere / f"written{attempt}", TWO_STAGES)
        half = run.kill_inside_a_checkpoints_write()
        if half is not None:
            break
    assert half is not None
    assert half.exists()
    assert read_checkpoint(run.folder / "checkpoint", {}) is not None
    run.finish()
    assert read_weights(run.folder) == read_weights(whole.folder)
    assert not find_parts(run.folder)


def find_parts(folder: Path) -> set[Path]:
    """Find the hidden files that are being written, or were."""
    return set(folder.glob(".*.part"))


def is_checkpoint(part: Path) -> bool:
    """Only a checkpoint begins with a digest."""
    start = part.read_bytes()[:64]
    return bool(start) and not start.strip(b"0123456789abcdef")
