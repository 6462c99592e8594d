"""The training loop: a network learns stage by stage, the best epoch of all is kept.

SPDX-License-Identifier: Apache-2.0

Lightning's Fabric brings device and precision; the loop and its state are ours, so that a training
that was killed goes on at its very step: Lightning's Trainer saves neither the place inside an
epoch nor the chance of what follows.
"""

import logging
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from cxrlens.inference import choose_device
from cxrlens.network import MapClassifier
from cxrlens.training.batching import count_epochs, count_steps, derive_seed, plan_epoch
from cxrlens.training.cases import TrainingCases
from cxrlens.training.checkpoint import (
    Checkpoint,
    Place,
    Progression,
    Tally,
    read_checkpoint,
    write_checkpoint,
)
from cxrlens.training.epoch_file import write_epochs
from cxrlens.training.event_log import EventLog
from cxrlens.training.feature_source import FeatureSource
from cxrlens.training.learner import Learner, State, StepResult
from cxrlens.training.map_picture import MapPanel
from cxrlens.training.parameter_group import measure_stages
from cxrlens.training.precision import choose_precision
from cxrlens.training.recipe import Recipe, Stage
from cxrlens.training.validation import judge_logits
from cxrlens.training.watched_case import choose_watched, describe_watched
from cxrlens.vocabulary import Epoch, InputError, Progress

CHECKPOINT_FILE = "checkpoint"
"""In a run folder, until its bundle is saved."""

ORDER = 1
"""What chance is drawn for here; the learner has numbers of its own."""


@dataclass(frozen=True)
class Keeping:
    """Where a training keeps its state and its curves."""

    folder: Path
    """Gets `checkpoint`, `epochs.csv`, `classes.csv` and `logs`."""

    identity: dict[str, str]
    """What is trained on what: digests by what they are of. A checkpoint of another is refused."""


@dataclass(frozen=True)
class Fitted:
    """What a training came to, beside the weights."""

    history: tuple[Epoch, ...]
    """One record an epoch."""

    divergence: str | None
    """Why it had to be stopped after the last of them; None where it was not."""


def fit(
    network: MapClassifier,
    cases: TrainingCases,
    recipe: Recipe,
    progress: Progress,
    keeping: Keeping | None = None,
) -> Fitted:
    """Train a network in place and leave it with the weights of its best epoch, in eval mode.

    The best epoch of all stages has the largest macro AUROC on validation; among equals the
    smallest loss.

    Args:
        network: changed in place.
        cases: images and targets.
        recipe: how.
        progress: is told of every step.
        keeping: where state is kept; a training that was interrupted there goes on at its step.
            None keeps nothing.

    Returns:
        One record an epoch, and whether the training diverged after them.

    Raises:
        RecipeError: if a stage names groups that the network does not have.
        InputError: if it diverges before its first epoch is done.
        OutputError: if the state cannot be kept, or is that of another training.
    """
    device = choose_device()
    found = None
    if keeping is not None:
        path = keeping.folder / CHECKPOINT_FILE
        found = read_checkpoint(path, keeping.identity, network.state_dict())
    # Measured once: a busier machine must not make the second half of a training another one.
    precision = (
        found.progression.precision if found else choose_precision(recipe.optimisation, device)
    )
    with quiet_lightning(), torch.random.fork_rng():
        learner = Learner(network, cases, recipe, device, precision)
        training = _Training(learner, cases, recipe, progress, keeping, precision)
        divergence = training.run(found)
    if divergence is not None and not training.history:
        raise InputError(divergence)
    network.load_state_dict(training.best)
    network.to("cpu").eval().requires_grad_(True)
    return Fitted(training.history, divergence)


class _DivergedError(Exception):
    """A number is not finite; the message says where."""


class _Training:
    """The course of one training, epoch by epoch."""

    def __init__(
        self,
        learner: Learner,
        cases: TrainingCases,
        recipe: Recipe,
        progress: Progress,
        keeping: Keeping | None,
        precision: str,
    ) -> None:
        self._learner, self._cases, self._recipe = learner, cases, recipe
        self._progress, self._keeping, self._precision = progress, keeping, precision
        folder = None if keeping is None else keeping.folder
        self._source = FeatureSource(learner.network, learner.images, precision, folder, progress)
        self._log: EventLog | None = None
        self._place, self._tally = Place(), Tally()
        self.best: State = {}
        self.history: tuple[Epoch, ...] = ()

    def run(self, found: Checkpoint | None) -> str | None:
        """Go through the stages, from a checkpoint on where there is one.

        Returns:
            Why it was stopped; None where it ended.
        """
        gathered: State = {}
        weights: State = {}
        if found is not None:
            self._place, self._tally = found.progression.place, found.progression.tally
            self.history, self.best = found.progression.history, found.best
            weights, gathered = found.network, found.optimiser
        if self._keeping is not None:
            self._log = EventLog(
                self._keeping.folder, 0 if found is None else len(self.history) + 1
            )
        try:
            for number in range(self._place.stage, len(self._recipe.stages)):
                if number > self._place.stage:
                    self._place, weights, gathered = Place(number), self.best, {}
                self._learner.enter_stage(self._stage, weights, gathered)
                if not self._is_over():
                    self._learner.take_features(self._source.open_stage(self._stage))
                self._train_stage()
        except _DivergedError as divergence:
            return str(divergence)
        finally:
            if self._log is not None:
                self._log.close()
        return None

    @property
    def _stage(self) -> Stage:
        return self._recipe.stages[self._place.stage]

    @property
    def _n_epochs(self) -> int:
        steps = count_steps(len(self._cases.train), self._recipe.optimisation)
        return count_epochs(self._stage, steps)

    def _train_stage(self) -> None:
        task = _describe_stage(self._learner.network, self._stage)
        while not self._is_over():
            start = time.perf_counter()
            self._train_epoch(task)
            self._judge_epoch(start)

    def _is_over(self) -> bool:
        """Whether all epochs of the stage are done, or no better one has come for too long."""
        patience = self._recipe.optimisation.early_stopping
        epochs = self._place.epoch
        if epochs >= self._n_epochs:
            return True
        if patience is None or not epochs:
            return False
        best = max((epoch.epoch for epoch in self.history if epoch.is_best), default=0)
        return len(self.history) - max(best, len(self.history) - epochs) >= patience

    def _train_epoch(self, task: str) -> None:
        stage, epoch = self._place.stage, self._place.epoch
        plan = plan_epoch(
            self._cases.train,
            self._cases.find_targets(self._cases.train),
            self._recipe.optimisation,
            derive_seed(self._recipe.seed, stage, epoch, 0, ORDER),
        )
        if self._log is not None and self._place == Place():
            images = self._learner.vary_images(self._place, plan[0][0])
            self._log.add_start(self._learner.network, images)
        self._learner.begin_epoch(self._place, plan)
        for step in range(self._place.step, len(plan)):
            result = self._learner.make_step(self._place, plan[step])
            if not math.isfinite(result.loss):
                raise self._diverge(f"the loss of step {step + 1}")
            self._tally = _add(self._tally, result)
            self._place = replace(self._place, step=step + 1)
            done = epoch * len(plan) + step + 1
            self._progress.advance(task, done, self._n_epochs * len(plan))
            if done % self._recipe.optimisation.checkpoint_steps == 0 and step + 1 < len(plan):
                self._save()

    def _judge_epoch(self, start: float) -> None:
        """Judge the epoch and keep its weights if it is the best so far."""
        logits = self._learner.answer_validation()
        if not (logits.isfinite().all() and self._learner.is_finite):
            raise self._diverge("a weight or a logit of the validation part")
        truth = torch.from_numpy(self._cases.targets[self._cases.validation])
        judged = judge_logits(logits, truth, self._cases.class_names)
        rates, features = self._learner.rates, self._learner.features
        epoch = Epoch(
            epoch=len(self.history) + 1,
            train_loss=self._tally.loss / self._tally.n_steps,
            val_loss=judged.loss,
            val_auroc=judged.auroc,
            learning_rate=list(rates.values())[-1],
            stage=self._stage.name,
            train_accuracy=self._tally.n_right / max(self._tally.n_decided, 1),
            val_accuracy=judged.accuracy,
            val_precision=judged.precision,
            val_recall=judged.recall,
            val_f1=judged.f1,
            learning_rates=rates,
            seconds=round(time.perf_counter() - start, 3),
            classes=judged.classes,
            features="" if features is None else features.describe(self._place.epoch),
        )
        if not self.history or _rank(epoch) > max(_rank(past) for past in self.history):
            self.history = tuple(replace(past, is_best=False) for past in self.history)
            epoch = replace(epoch, is_best=True)
            self.best = self._learner.copy_weights()
        self.history = (*self.history, epoch)
        self._place, self._tally = Place(self._place.stage, self._place.epoch + 1), Tally()
        if self._log is not None and self._keeping is not None:
            # Before the checkpoint: what it says is done must have been told.
            self._log.add_epoch(epoch, self._learner.network, self._look_at_watched())
            write_epochs(self._keeping.folder, self.history)
        self._save()

    def _look_at_watched(self) -> tuple[MapPanel, ...]:
        """See what the network makes now of the few validation cases that are watched."""
        watched = choose_watched(self._cases.targets, self._cases.validation)
        if not watched:
            return ()
        images, output = self._learner.look(np.array([one.row for one in watched]))
        return describe_watched(watched, self._cases, images, output)

    def _save(self) -> None:
        """Keep the state, unless it is spoilt: then the last good one stays."""
        if not self._learner.is_finite:
            raise self._diverge("a weight")
        if self._keeping is None:
            return
        progression = Progression(
            self._keeping.identity, self._precision, self._place, self._tally, self.history
        )
        weights, gathered = self._learner.copy_weights(), self._learner.copy_gathered()
        checkpoint = Checkpoint(progression, weights, self.best, gathered)
        write_checkpoint(self._keeping.folder / CHECKPOINT_FILE, checkpoint)

    def _diverge(self, what: str) -> _DivergedError:
        return _DivergedError(
            f"the training diverged: {what} in epoch {self._place.epoch + 1} of stage "
            f"{self._stage.name!r} is not finite; lower "
            f"stages.{self._place.stage + 1}.learning_rate, which is {self._stage.learning_rate:g}"
        )


def _describe_stage(network: MapClassifier, stage: Stage) -> str:
    return f"train {measure_stages(network, [stage])[0]}"


def _add(tally: Tally, result: StepResult) -> Tally:
    return Tally(
        tally.loss + result.loss,
        tally.n_steps + 1,
        tally.n_right + result.n_right,
        tally.n_decided + result.n_decided,
    )


def _rank(epoch: Epoch) -> tuple[float, float]:
    return (epoch.val_auroc if epoch.val_auroc is not None else 0.0, -epoch.val_loss)


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Keep Lightning from telling which precision it was asked for."""
    import lightning.fabric  # noqa: F401, PLC0415 (slow; when imported it sets its level itself)

    # Whichever of its two halves was imported last is the one that talks.
    loggers = [logging.getLogger(f"lightning.{half}") for half in ("fabric", "pytorch")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
