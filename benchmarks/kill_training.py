"""Kills trainings with SIGKILL at many places and compares what the resumed ones end in.

SPDX-License-Identifier: Apache-2.0

Run: python benchmarks/kill_training.py OUT [--kills 20] [--seed 0]

Two trainings of phantoms run undisturbed: `phantom` (one stage), and the two stages and the
transforms of `pneumonia-resnet34` over the same compact network. Then KILLS fresh ones are killed,
each at a place of its own and some several times in a row, and resumed with
`cxrlens train … --resume RUN`. One thread, float32, CPU.

Every command is the real one, run by `cxrlens.cli.main` in a process of its own that is forked from
this one, so that torch is imported once and not fifty times; the undisturbed runs are commands
started anew. A resumed one is followed until its bundle stands and its checkpoint is gone; its
figures and pages are waited for only where it was killed while it made them. Where a process stands
is seen from outside, by the files it writes, by its progress (a line a step on stderr in place of
the bar) and by its stack, which `faulthandler` writes on SIGUSR1. "Inside a checkpoint's write" is
claimed only where the kill left the hidden `.part` file of a checkpoint behind; "cut short" where
that file is not what its own digest says.

The table goes to stdout; exit code 1 if any training ends in other weights or another `epochs.csv`,
any checkpoint cannot be read, or fewer than 12 kills came after the first checkpoint or fewer than
3 inside a checkpoint's write.
"""

import argparse
import csv
import faulthandler
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from pathlib import Path

import torch
from PIL import Image

from cxrlens.cli import console
from cxrlens.cli.main import main as run_command
from cxrlens.phantom import draw_nth
from cxrlens.training import batching, read_recipe
from cxrlens.training.checkpoint import read_checkpoint
from cxrlens.vocabulary import OutputError, digest

N_PHANTOMS = 48
FINDINGS = ("normal", "pneumonia")
LEAST_AFTER_FIRST, LEAST_INSIDE = 12, 3

SMALL = [
    "height=64", "width=64", "network.backbone=compact", "network.options={width: 8}",
    # A wide head makes a checkpoint of some 10 MB, so that its write can be hit.
    "network.hidden=[1024, 512]", "network.dropout=0.3", "network.mean=[0.5]", "network.std=[0.25]",
    "weights=none", "precision=float32", "batch_size=4", "validation=0.4", "checkpoint_steps=2",
]  # fmt: skip

INSIDE, SHORT = "inside a checkpoint's write", "inside a checkpoint's write, cut short"
BETWEEN, READING, VALIDATION = "between stages", "reading images", "validation"
BUNDLE, AFTER = "inside the bundle's write", "after the bundle"
ANYWHERE = ""

FRAMES = {
    "_save": "saving a checkpoint", "answer": VALIDATION, "_judge_epoch": "end of an epoch",
    "make_step": "a step", "prepare": READING, "add_start": "writing the graph",
}  # fmt: skip
"""Functions of cxrlens by what a process does in them, the innermost first."""


@dataclass(frozen=True)
class Course:
    """A training that is run again and again."""

    name: str
    options: list[str]
    stages: dict[str, int]
    """Epochs of each stage by its name."""

    per_epoch: int = 0
    """Steps; known once it ran."""

    @property
    def epochs(self) -> list[int]:
        """Of each stage."""
        return list(self.stages.values())

    @property
    def steps(self) -> int:
        """Of the whole training."""
        return self.count(len(self.stages), 0)

    def count(self, stage: int, step: int) -> int:
        """Count steps from the first of the training on."""
        return sum(self.epochs[:stage]) * self.per_epoch + step


COURSES = (
    Course("phantom", ["--recipe", "phantom", *SMALL, "epochs=4"], {"everything": 4}),
    Course(
        "two stages",
        ["--recipe", "pneumonia-resnet34", *SMALL, "stages.1.epochs=2", "stages.2.epochs=2"],
        {"frozen": 2, "unfrozen": 2},
    ),
)


@dataclass
class Kill:
    """One kill, and what was found after it."""

    course: str
    step: int
    """Steps that were done."""

    where: str
    readable: str
    resumed: int
    """Steps that the checkpoint holds."""

    went_on: int | None = None
    """Steps done when the next process began, by its own progress; None where it was killed before
    its first step."""

    outcome: str = ""
    """Of the training, told at its last kill."""

    @property
    def is_taken_up(self) -> bool:
        """Whether the next process went on where the checkpoint says."""
        return self.went_on in (None, self.resumed)


@dataclass
class Process:
    """A command in a process of its own, watched from outside."""

    course: Course
    folder: Path
    pid: int
    talk: int
    """Its stderr."""

    task: str = ""
    stage: int = -1
    """Index of the stage that is trained; -1 before."""

    done: int = 0
    """Steps done in the stage, or images read."""

    steps: int = 0
    """Steps done in all stages."""

    went_on: int | None = None
    """Steps that were done before its own first."""

    lines: list[str] = field(default_factory=list)
    rest: bytes = b""

    def listen(self) -> None:
        """Take in what it has said."""
        try:
            data = os.read(self.talk, 1 << 16)
        except BlockingIOError:
            return
        *whole, self.rest = (self.rest + data).split(b"\n")
        for line in whole:
            text = line.decode("utf-8", "replace")
            if text.startswith("progress\t"):
                self._note(*text.split("\t")[1:])
            else:
                self.lines.append(text)

    def _note(self, task: str, done: str, _total: str) -> None:
        self.task, self.done = task, int(done)
        verb, name = (*task.split(), "")[:2]
        if verb != "train":
            return
        self.stage = list(self.course.stages).index(name)
        self.steps = self.course.count(self.stage, self.done)
        if self.went_on is None:
            self.went_on = self.steps - 1

    def sample_stack(self) -> list[str]:
        """Ask it for the functions it is in, the innermost first."""
        self.lines.clear()
        os.kill(self.pid, signal.SIGUSR1)
        end = time.monotonic() + 1
        while time.monotonic() < end:
            self.listen()
            if any(line.endswith("in <module>") for line in self.lines):
                break
        return [line.rsplit(" in ", 1)[-1] for line in self.lines if line.startswith("  File ")]


Ready = Callable[[Process], bool]
"""Whether a process stands where it is to be killed."""

Target = tuple[str, Ready]
"""Where a kill is wanted, and how the place is known."""


def main() -> None:
    """Run everything and print the table."""
    if os.environ.get("OMP_NUM_THREADS") != "1":
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        os.execve(sys.executable, [sys.executable, *sys.argv], environment)  # noqa: S606
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--kills", type=int, default=20, help="Trainings that are killed.")
    parser.add_argument("--seed", type=int, default=0, help="Of the places.")
    options = parser.parse_args()
    start = time.perf_counter()
    for name in ("cxrlens.model", "cxrlens.report", "torch.utils.tensorboard"):
        import_module(name)  # once, for all processes that are forked
    out: Path = options.out.resolve()
    out.mkdir(parents=True)
    data = draw_data(out / "data")
    wholes = [out / f"whole-{n}" for n in range(len(COURSES))]
    courses = [run_whole(*pair, data) for pair in zip(COURSES, wholes, strict=True)]
    kills: list[Kill] = []
    for number, (index, places) in enumerate(plan(options.kills, options.seed, courses), start=1):
        run = out / f"run-{number}"
        found = kill_and_resume(courses[index], places, data, run)
        found[-1].outcome = compare(wholes[index], run)
        show(number, found)
        kills += found
        shutil.rmtree(run)
    used = [resource.getrusage(one) for one in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(
        f"\n{len(courses)} kinds of training, of {courses[0].steps} and {courses[1].steps} steps; "
        f"{time.perf_counter() - start:.0f} s, of them "
        f"{sum(one.ru_utime + one.ru_stime for one in used):.0f} s of processor time"
    )
    sys.exit(0 if summarise(kills) else 1)


def draw_data(folder: Path) -> Path:
    """Draw two classes of phantoms."""
    for number in range(N_PHANTOMS):
        phantom = draw_nth(number, seed=7, findings=FINDINGS)
        path = folder / phantom.label / f"phantom{number:05d}_0.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(phantom.pixels).save(path)
    return folder


def run_whole(course: Course, folder: Path, data: Path) -> Course:
    """Train without any disturbance, by a command started anew, and count its steps."""
    command = [sys.executable, "-m", "cxrlens.cli", "train", data, *course.options, "--out", folder]
    subprocess.run([str(part) for part in command], check=True, capture_output=True)  # noqa: S603
    n = sum(row["split"] == "train" for row in read_rows(folder / "split.csv"))
    optimisation = read_recipe(folder / "recipe.yaml").optimisation
    return replace(course, per_epoch=batching.count_steps(n, optimisation))


def plan(n: int, seed: int, courses: Sequence[Course]) -> list[tuple[int, list[Target]]]:
    """Say for each training which course it is and where it is killed, one time after another."""
    chance = random.Random(seed)  # noqa: S311
    write, bundle = (INSIDE, is_writing), (BUNDLE, is_bundling)
    between, judging = (BETWEEN, is_between), (VALIDATION, is_judging)
    fixed: list[tuple[int, list[Target]]] = [
        (0, [(ANYWHERE, partial(has_read, n=chance.randrange(1, 30)))]),
        (0, [write]),
        (1, [between]),
        (0, [bundle]),
        (1, [(ANYWHERE, partial(has_made, n=1))]),
        (0, [judging]),
        (1, [write]),
        (0, [write, write, write]),
        (1, [between, write]),
        (1, [judging, judging]),
        (1, [bundle]),
        (0, [(AFTER, has_bundle)]),
        (0, [(ANYWHERE, partial(has_read, n=30)), (ANYWHERE, partial(has_made, n=1)), write]),
        (1, [write]),
    ]
    plans = fixed[:n]
    while len(plans) < n:
        index = len(plans) % 2
        times = 3 if len(plans) % 3 == 0 else 1
        steps = sorted(chance.sample(range(3, courses[index].steps), times))
        plans.append((index, [(ANYWHERE, partial(has_made, n=step)) for step in steps]))
    return plans


def has_read(process: Process, n: int) -> bool:
    """Whether so many images are read."""
    return process.task == "read images" and process.done >= n


def has_made(process: Process, n: int) -> bool:
    """Whether so many steps are made."""
    return process.steps >= n


def is_writing(process: Process) -> bool:
    """Whether a checkpoint, but not the first, is being written."""
    if process.stage < 0 or not (process.folder / "checkpoint").exists():
        return False
    # At the end of an epoch other files are written in the same way.
    is_inside_epoch = process.done % process.course.per_epoch > 0
    return is_inside_epoch and any(process.folder.glob(".*.part"))


def is_judging(process: Process) -> bool:
    """Whether it computes the answers of the validation part."""
    at_end = (
        process.stage >= 0
        and process.task.startswith("train ")
        and not (process.done % process.course.per_epoch)
    )
    return at_end and "answer" in process.sample_stack()


def is_between(process: Process) -> bool:
    """Whether the first stage is saved with all its epochs, and no step of the second made."""
    checkpoint, epochs = process.folder / "checkpoint", process.folder / "epochs.csv"
    if process.stage != 0 or not (epochs.exists() and checkpoint.exists()):
        return False
    if process.done < process.course.epochs[0] * process.course.per_epoch:
        return False
    n = len(read_rows(epochs))
    is_later = checkpoint.stat().st_mtime_ns > epochs.stat().st_mtime_ns
    return n == process.course.epochs[0] and is_later


def is_bundling(process: Process) -> bool:
    """Whether the bundle is half written."""
    return bool(process.task) and any(process.folder.glob(".bundle.*"))


def has_bundle(process: Process) -> bool:
    """Whether the bundle is there; the answers, figures and pages are made after it."""
    return (process.folder / "bundle").exists()


def is_over(process: Process) -> bool:
    """Whether the bundle is there and the checkpoint gone: the training itself is done."""
    return has_bundle(process) and not (process.folder / "checkpoint").exists()


def is_done(process: Process) -> bool:
    """Whether a run is finished with everything: its lock is gone."""
    return is_over(process) and not (process.folder / ".lock").exists()


def kill_and_resume(course: Course, places: list[Target], data: Path, folder: Path) -> list[Kill]:
    """Kill a training at one place after another, then let it end.

    A place that was missed by a hair is tried again where the resumed process comes by.
    """
    new = [*course.options, "--out", folder]
    kills: list[Kill] = []
    wanted = list(places)
    tries = 0
    while wanted and tries < 4 * len(places):
        tries += 1
        process = start(course, ["train", data, *(["--resume", folder] if kills else new)], folder)
        where = kill_when(process, wanted[0][1])
        if kills:
            kills[-1].went_on = process.went_on
        if where is None:  # it came to its end first: begin again
            shutil.rmtree(folder)
            kills, wanted = [], list(places)
            continue
        kills.append(inspect(process, where))
        if kills[-1].where.startswith(wanted[0][0]):
            wanted.pop(0)
    is_trained = (folder / "bundle").exists()  # then there is but the rest to see
    process = start(course, ["train", data, "--resume", folder], folder)
    ended = kill_when(process, is_done if is_trained else is_over) is None
    if ended and not is_done(process):
        raise SystemExit(f"{folder} could not be resumed: {process.lines[-1:]}")
    kills[-1].went_on = process.went_on
    return kills


def start(course: Course, arguments: Sequence[object], folder: Path) -> Process:
    """Run a command of cxrlens in a forked process."""
    hear, talk = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(talk, 2)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        faulthandler.register(signal.SIGUSR1, file=2, all_threads=False)
        console._ProgressBars.advance = tell  # type: ignore[method-assign]
        sys.argv = ["cxrlens", *map(str, arguments)]
        code = 1
        try:
            run_command()
        except SystemExit as stop:
            code = int(stop.code or 0)
        finally:
            sys.stderr.flush()
            os._exit(code)
    os.close(talk)
    os.set_blocking(hear, False)
    return Process(course, folder, pid, hear)


def tell(_bars: object, task: str, done: int, total: int) -> None:
    """Say a line of progress at once."""
    os.write(2, f"progress\t{task}\t{done}\t{total}\n".encode())


def kill_when(process: Process, ready: Ready) -> str | None:
    """Kill -9 as soon as a process stands where it is wanted.

    Returns:
        What its stack said shortly before; None where it ended first.
    """
    where = ""
    while os.waitpid(process.pid, os.WNOHANG)[0] == 0:
        process.listen()
        if ready(process):
            if isinstance(ready, partial):  # the others are seen by the files they leave
                where = name_place(process.sample_stack())
            elif ready is is_judging:
                where = VALIDATION
            os.kill(process.pid, signal.SIGKILL)
            _, status = os.waitpid(process.pid, 0)
            process.listen()
            os.close(process.talk)
            return where if os.WIFSIGNALED(status) else None
        time.sleep(0.0002)  # it may have the same core
    os.close(process.talk)
    return None


def name_place(stack: Sequence[str]) -> str:
    """Say what the innermost known function does."""
    return next((FRAMES[name] for name in stack if name in FRAMES), "elsewhere")


def inspect(process: Process, where: str) -> Kill:
    """Look at what a killed process left."""
    folder, course = process.folder, process.course
    resumed, readable, is_stage_done = 0, "none yet", False
    try:
        found = read_checkpoint(folder / "checkpoint", {})
        if found is not None:
            place, readable = found.progression.place, "read"
            resumed = course.count(place.stage, place.epoch * course.per_epoch + place.step)
            is_stage_done = place.epoch == course.epochs[place.stage] and process.steps <= resumed
    except OutputError as error:
        readable = f"UNREADABLE: {error}"
    if any(folder.glob(".bundle.*")):
        where = BUNDLE
    elif (folder / "bundle").exists():
        where = AFTER
        if not (folder / "checkpoint").exists():
            resumed, readable = course.steps, "no longer needed"
    elif is_stage_done and resumed < course.steps:
        where = BETWEEN
    where = find_part(folder) or where or "just after a write"
    return Kill(course.name, max(process.steps, resumed), where, readable, resumed)


def find_part(folder: Path) -> str | None:
    """Tell whether a checkpoint was being written, and how much of it is there."""
    for part in folder.glob(".*.part"):
        data = part.read_bytes()
        stated, content = data[:64], data[65:]
        if stated.strip(b"0123456789abcdef"):
            continue  # another file: only a checkpoint begins with a digest
        if digest(content).encode() == stated:
            return INSIDE
        old = folder / "checkpoint"
        size = old.stat().st_size if old.exists() else 0
        return f"{SHORT} ({len(data) / 1e6:.1f} of {size / 1e6:.1f} MB)"
    return None


def read_rows(path: Path) -> list[dict[str, str]]:
    """Read a CSV file but for the seconds, which no two runs share."""
    with path.open(newline="") as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def compare(whole: Path, run: Path) -> str:
    """Compare a resumed run with the undisturbed one."""
    differs = []
    weights = "bundle/weights.safetensors"
    if (whole / weights).read_bytes() != (run / weights).read_bytes():
        differs.append("WEIGHTS DIFFER")
    if read_rows(whole / "epochs.csv") != read_rows(run / "epochs.csv"):
        differs.append("EPOCHS DIFFER")
    if find_part(run) or any(run.glob(".bundle.*")):
        differs.append("HALF-WRITTEN FILES LEFT")
    return ", ".join(differs) or "equal"


def show(number: int, kills: Sequence[Kill]) -> None:
    """Print the rows of one training."""
    if number == 1:
        print("| training | kind | killed at step | in | checkpoint | resumed at step | end |")
        print("|---|---|---|---|---|---|---|")
    for kill in kills:
        went = kill.resumed if kill.is_taken_up else f"{kill.went_on}, NOT {kill.resumed}"
        end = kill.outcome or "killed again"
        cells = (number, kill.course, kill.step, kill.where, kill.readable, went, end)
        print(f"| {' | '.join(map(str, cells))} |", flush=True)


def summarise(kills: Sequence[Kill]) -> bool:
    """Print the sums and tell whether all is well."""
    outcomes = [kill.outcome for kill in kills if kill.outcome]
    after = sum(kill.readable != "none yet" for kill in kills)
    inside = sum(kill.where.startswith(INSIDE) for kill in kills)
    short = sum(kill.where.startswith(SHORT) for kill in kills)
    unreadable = sum(kill.readable.startswith("UN") for kill in kills)
    astray = sum(not kill.is_taken_up for kill in kills)
    equal = outcomes.count("equal")
    print(
        f"{len(outcomes)} trainings, {len(kills)} kills: {after} after the first checkpoint, "
        f"{inside} inside a checkpoint's write ({short} of them cut short); {unreadable} "
        f"unreadable checkpoints, {astray} resumed elsewhere; {equal} of "
        f"{len(outcomes)} trainings ended with the same weights to the bit and "
        "the same epochs.csv but for seconds"
    )
    enough = after >= LEAST_AFTER_FIRST and inside >= LEAST_INSIDE
    if not enough:
        print(f"too few kills: {LEAST_AFTER_FIRST} and {LEAST_INSIDE} are asked for")
    return enough and not unreadable and not astray and equal == len(outcomes)


if __name__ == "__main__":
    main()
