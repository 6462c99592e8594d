"""What a training comes to, as events for TensorBoard.

SPDX-License-Identifier: Apache-2.0
"""

import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor, nn
from torchvision.utils import make_grid

from cxrlens.network import MapClassifier
from cxrlens.network.tensors import GreyBatch
from cxrlens.training.map_picture import MapPanel, draw_map
from cxrlens.training.parameter_group import name_parameters
from cxrlens.training.watched_case import N_WATCHED
from cxrlens.vocabulary import NOT_A_DEVICE, Epoch, OutputError

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

LOGS_FOLDER = "logs"
"""In a run folder."""

N_IMAGES = 16
"""Images of the first batch that are shown."""

_BINS = 64
"""Of a histogram, all of one width: the usual ones grow from 0 on, and the weights of norms, which
are near 1, would all fall into a few."""

_SCALARS = {
    "loss/train": "train_loss",
    "loss/validation": "val_loss",
    "accuracy/train": "train_accuracy",
    "accuracy/validation": "val_accuracy",
    "macro on validation/AUROC": "val_auroc",
    "macro on validation/F1": "val_f1",
    "macro on validation/precision": "val_precision",
    "macro on validation/recall": "val_recall",
}
"""Names of the curves, by groups, and the fields of `Epoch` behind them."""

FIRST_BATCH = "batch/first, as the network sees it"
"""Name of a picture."""

_ABOUT = f"""\
{NOT_A_DEVICE}

- **Scalars**, by epoch over all stages: loss and accuracy, macro figures on validation, and the
  learning rates by group. Those of every class are in `classes.csv`.
- **Images**: {N_WATCHED} cases of the validation part, the same after every epoch (move the slider;
  *Time series* links the sliders): the image as the network sees it, and over it where the
  evidence for the class that it has lies, each on its own scale; the numbers are in logits. And
  the first {N_IMAGES} images as they were shown to the network, augmented.
- **Histograms**: the weights that a stage moves, after each of its epochs.
- **Graphs**: the network.
"""


class EventLog:
    """Writes events into a folder of their own.

    Args:
        folder: the run's.
        first_step: the epoch that comes next, 0 for the start; what an interrupted run wrote from
            there on is taken back.
    """

    def __init__(self, folder: Path, first_step: int) -> None:
        self._folder = folder / LOGS_FOLDER
        with self._explaining():
            self._writer = _open_writer(self._folder, first_step)
        self._hook, threading.excepthook = threading.excepthook, self._pass_over

    def add_start(self, network: MapClassifier, images: GreyBatch) -> None:
        """Show the first batch as the network sees it, and the network's graph.

        Args:
            network: in eval mode, since drawing the graph runs it.
            images: as they are shown to it.
        """
        with self._explaining():
            self._writer.add_text("about/this training", _ABOUT, 0)
            self._writer.add_image(FIRST_BATCH, make_grid(images[:N_IMAGES].cpu(), nrow=4), 0)
            with warnings.catch_warnings():
                # Tracing a network tells of every shape that it takes for constant.
                warnings.simplefilter("ignore")
                self._writer.add_graph(_Logits(network), images[:2])
            self._writer.flush()

    def add_epoch(
        self, epoch: Epoch, network: MapClassifier, panels: Sequence[MapPanel] = ()
    ) -> None:
        """Add an epoch's figures, learning rates, and how the weights that move are spread.

        Args:
            epoch: its figures.
            network: with its weights; those that need no gradient stand still and are left out.
            panels: maps of some cases, which are the same after every epoch.
        """
        with self._explaining():
            for name, field in _SCALARS.items():
                value = getattr(epoch, field)
                if value is not None:
                    self._writer.add_scalar(name, value, epoch.epoch)
            for pattern, rate in epoch.learning_rates.items():
                self._writer.add_scalar(f"learning rate/{pattern}", rate, epoch.epoch)
            for name, parameter in name_parameters(network).items():
                if parameter.requires_grad:
                    # TensorBoard groups by what stands before the slash.
                    tag = name.replace(".", "/", 1)
                    values = parameter.detach().cpu()
                    self._writer.add_histogram(tag, values, epoch.epoch, bins=_BINS)
            for panel in panels:
                tag = f"maps/{panel.title}"
                self._writer.add_image(tag, draw_map(panel), epoch.epoch, dataformats="HWC")
            self._writer.flush()

    def close(self) -> None:
        """Write what is left."""
        try:
            with self._explaining():
                self._writer.close()
        finally:
            threading.excepthook = self._hook

    def _pass_over(self, failure: threading.ExceptHookArgs) -> None:
        """Let TensorBoard's thread be silent on a full disk, which it tells ours as well."""
        if not isinstance(failure.exc_value, OSError):
            self._hook(failure)

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OutputError(
                f"cannot write events into {self._folder} ({error.strerror}); "
                "free the place and resume with --resume"
            ) from error


class _Logits(nn.Module):
    """The network without its maps: a graph has one output."""

    def __init__(self, network: MapClassifier) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.network(images).logits
        return logits


def _open_writer(folder: Path, first_step: int) -> "SummaryWriter":
    from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 (slow; few need it)

    return SummaryWriter(str(folder), purge_step=first_step)
