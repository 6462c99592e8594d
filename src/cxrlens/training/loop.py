"""The training loop: a network learns from decoded pixels, the best epoch is kept.

SPDX-License-Identifier: Apache-2.0
"""

import logging
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import lightning
import numpy as np
import torch
from jaxtyping import Int, UInt16
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from cxrlens.inference import choose_device
from cxrlens.network import MapClassifier
from cxrlens.training.augmentation import augment
from cxrlens.training.precision import choose_precision
from cxrlens.training.recipe import Recipe
from cxrlens.vocabulary import Epoch, InputError, Progress

StoredPixels = UInt16[np.ndarray, "n h w"]
"""Grey images at the network's input size; 65535 is 1."""

Rows = Int[np.ndarray, " _"]
"""Indices into the stored pixels."""

_LIGHTNING_PRECISION: dict[str, Literal["32-true", "bf16-mixed"]] = {
    "float32": "32-true",
    "bfloat16": "bf16-mixed",
}


@dataclass(frozen=True, eq=False)
class TrainingCases:
    """Decoded images with their targets, and which of them teach or choose."""

    pixels: StoredPixels
    """All images."""

    targets: Int[np.ndarray, " n"]
    """Index of each image's class."""

    train: Rows
    """The rows that the weights are moved by."""

    validation: Rows
    """The rows that the epoch is chosen on."""


def fit(
    network: MapClassifier, cases: TrainingCases, recipe: Recipe, progress: Progress
) -> tuple[Epoch, ...]:
    """Train a network in place and leave it with the weights of its best epoch, in eval mode.

    The best epoch has the largest macro AUROC on validation; among equals the smallest loss.

    Args:
        network: changed in place.
        cases: images and targets.
        recipe: how.
        progress: is told of every step.

    Returns:
        One record an epoch.
    """
    optimisation = recipe.optimisation
    task = _Training(network, cases, recipe, progress)
    device = choose_device()
    with _quiet_lightning(), torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        trainer = lightning.Trainer(
            accelerator="gpu" if device == "cuda" else "cpu",
            devices=1,
            precision=_LIGHTNING_PRECISION[choose_precision(optimisation, device)],
            max_epochs=optimisation.epochs,
            num_sanity_val_steps=0,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        with _interruptible():
            trainer.fit(task, task.load_training(), task.load_validation())
    network.load_state_dict(task.best_weights)
    network.to("cpu").eval()
    return task.history


class _Images(Dataset[Any]):
    """Rows of the stored pixels, fetched a batch at a time."""

    def __init__(self, cases: TrainingCases, rows: Rows) -> None:
        self._cases, self._rows = cases, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitems__(self, indices: list[int]) -> tuple[Tensor, Tensor]:
        rows = self._rows[indices]
        pixels = self._cases.pixels[rows].astype(np.float32) / 65535
        return torch.from_numpy(pixels)[:, None], torch.from_numpy(self._cases.targets[rows])


def _pass_through(batch: Any) -> Any:  # noqa: ANN401 (batches are fetched whole)
    return batch


class _Training(lightning.LightningModule):
    """What Lightning drives."""

    def __init__(
        self, network: MapClassifier, cases: TrainingCases, recipe: Recipe, progress: Progress
    ) -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)
        self.best_weights: dict[str, Tensor] = {}
        self.history: tuple[Epoch, ...] = ()
        self._cases, self._recipe, self._progress = cases, recipe, progress
        self._generator = torch.Generator().manual_seed(recipe.seed)
        self._train_losses: list[Tensor] = []
        self._answers: list[tuple[Tensor, Tensor]] = []

    def load_training(self) -> DataLoader[Any]:
        """Draw batches without replacement; a last batch of one image would break BatchNorm."""
        size = self._recipe.optimisation.batch_size
        return DataLoader(
            _Images(self._cases, self._cases.train),
            batch_size=size,
            shuffle=True,
            drop_last=len(self._cases.train) > size,
            generator=self._generator,
            collate_fn=_pass_through,
        )

    def load_validation(self) -> DataLoader[Any]:
        """Go through validation in order."""
        images = _Images(self._cases, self._cases.validation)
        return DataLoader(images, batch_size=64, collate_fn=_pass_through)

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Compute the loss of an augmented batch."""
        images, targets = batch
        images = augment(images, self._recipe.augmentation, self._generator)
        logits = self.network(images.contiguous(memory_format=torch.channels_last)).logits
        smoothing = self._recipe.optimisation.label_smoothing
        loss = nn.functional.cross_entropy(logits, targets, label_smoothing=smoothing)
        self._train_losses.append(loss.detach())
        steps = int(self.trainer.num_training_batches)
        done = self.current_epoch * steps + batch_idx + 1
        self._progress.advance("train", done, steps * self._recipe.optimisation.epochs)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor]) -> None:
        """Keep the logits of a batch."""
        self._answers.append((self.network(batch[0]).logits.float().cpu(), batch[1].cpu()))

    def on_validation_epoch_end(self) -> None:
        """Judge the epoch and keep its weights if it is the best so far."""
        logits = torch.cat([answer[0] for answer in self._answers])
        targets = torch.cat([answer[1] for answer in self._answers])
        if not logits.isfinite().all():
            raise InputError(
                f"the training diverged: logits of epoch {self.current_epoch + 1} are not finite; "
                "lower optimisation.learning_rate, which is "
                f"{self._recipe.optimisation.learning_rate:g}"
            )
        epoch = Epoch(
            epoch=self.current_epoch + 1,
            train_loss=float(torch.stack(self._train_losses).mean()),
            val_loss=float(nn.functional.cross_entropy(logits, targets)),
            val_auroc=compute_auroc(logits.softmax(1).numpy(), targets.numpy()),
            learning_rate=float(self.trainer.optimizers[0].param_groups[-1]["lr"]),
        )
        if not self.history or _rank(epoch) > max(_rank(past) for past in self.history):
            self.history = tuple(replace(past, is_best=False) for past in self.history)
            epoch = replace(epoch, is_best=True)
            state = self.network.state_dict()
            self.best_weights = {key: value.cpu().clone() for key, value in state.items()}
        self.history = (*self.history, epoch)
        self._train_losses, self._answers = [], []

    def configure_optimizers(self) -> Any:  # noqa: ANN401 (Lightning's own annotation)
        """Set up AdamW with a faster head, under a one-cycle schedule by step."""
        optimisation = self._recipe.optimisation
        groups = _group_parameters(self.network, self._recipe)
        optimiser = torch.optim.AdamW(groups)
        steps = max(2, int(self.trainer.estimated_stepping_batches))
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser,
            max_lr=[group["lr"] for group in groups],
            total_steps=steps,
            pct_start=_fit_warm_up(optimisation.warm_up, steps),
            cycle_momentum=False,
        )
        return {
            "optimizer": optimiser,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }


def compute_auroc(probabilities: np.ndarray, targets: np.ndarray) -> float | None:
    """Compute the macro one-against-all AUROC; for two classes that of the second.

    Args:
        probabilities: n x k, rows sum to 1.
        targets: n class indices.

    Returns:
        None where a class has no case.
    """
    k = probabilities.shape[1]
    if len(np.unique(targets)) < k:
        return None
    if k == 2:
        return float(roc_auc_score(targets, probabilities[:, 1]))
    one_hot = np.eye(k)[targets]
    return float(roc_auc_score(one_hot, probabilities, average="macro"))


def _fit_warm_up(warm_up: float, steps: int) -> float:
    """Move the end of the warm-up off the very first step, where OneCycleLR divides by zero."""
    return warm_up * 1.001 if abs(warm_up * steps - 1) < 1e-6 else warm_up


def _rank(epoch: Epoch) -> tuple[float, float]:
    return (epoch.val_auroc if epoch.val_auroc is not None else 0.0, -epoch.val_loss)


def _group_parameters(network: MapClassifier, recipe: Recipe) -> list[dict[str, Any]]:
    """Group parameters by learning rate (head last) and weight decay (not on biases and norms)."""
    optimisation = recipe.optimisation
    groups = []
    for module, factor in ((network.backbone, 1.0), (network.head, optimisation.head_factor)):
        for is_matrix in (False, True):
            chosen = [p for p in module.parameters() if (p.ndim > 1) == is_matrix]
            decay = optimisation.weight_decay if is_matrix else 0.0
            rate = optimisation.learning_rate * factor
            groups.append({"params": chosen, "lr": rate, "weight_decay": decay})
    return [group for group in groups if group["params"]]


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C stay a KeyboardInterrupt: Lightning makes it exit code 1 and ignores the next."""
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as stop:
        if isinstance(stop.__context__, KeyboardInterrupt):
            signal.signal(signal.SIGINT, handler)
            raise KeyboardInterrupt from stop
        raise


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Keep Lightning from talking about what is meant: no workers (pixels lie in memory)."""
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*does not have many workers.*")
            # Lightning 2.6 with torch 2.15: its own use of a deprecated name, nothing of ours.
            warnings.filterwarnings("ignore", ".*LeafSpec.* is deprecated.*")
            yield
    finally:
        logger.setLevel(level)
