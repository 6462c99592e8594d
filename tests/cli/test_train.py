import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

FILES = {"bundle", "epochs.csv", "logs", "metrics.json", "parameters.csv", "predictions.csv"} | {
    "predictions.jsonl",
    "recipe.yaml",
    "report.html",
    "split.csv",
}


def test_train_writes_everything_and_counts_up(cxrlens, phantom_folder, quick, elsewhere) -> None:
    for name in ("phantom", "phantom2"):
        outcome = cxrlens("train", phantom_folder, "--recipe", "phantom", *quick)
        assert outcome.code == 0
        assert {entry.name for entry in (elsewhere / "runs" / name).iterdir()} == FILES
        assert "macro AUROC" in outcome.out
        assert "not a medical device" in outcome.out
        assert f"writing to runs/{name}" in outcome.err


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
    import shutil

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


@pytest.mark.parametrize("kind", ["empty", "html", "half", "pickle", "checkpoint"])
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
