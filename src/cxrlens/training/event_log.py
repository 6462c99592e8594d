"""What a training comes to, as events for TensorBoard.

SPDX-License-Identifier: Apache-2.0
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor, nn

from cxrlens.network import MapClassifier
from cxrlens.network.tensors import GreyBatch
from cxrlens.vocabulary import Epoch, OutputError

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

LOGS_FOLDER = "logs"
"""In a run folder."""

N_IMAGES = 16
"""Images of the first batch that are shown."""

_SCALARS = {
    "loss/train": "train_loss",
    "loss/validation": "val_loss",
    "accuracy/train": "train_accuracy",
    "accuracy/validation": "val_accuracy",
    "macro precision/validation": "val_precision",
    "macro recall/validation": "val_recall",
    "macro F1/validation": "val_f1",
    "macro AUROC/validation": "val_auroc",
}
"""Names of the curves and the fields of `Epoch` behind them."""


class EventLog:
    """Writes events into a folder of their own.

    Args:
        folder: the run's.
        first_epoch: the one that comes next; what an interrupted run wrote of it is taken back.
    """

    def __init__(self, folder: Path, first_epoch: int) -> None:
        self._folder = folder / LOGS_FOLDER
        with self._explaining():
            self._writer = _open_writer(self._folder, first_epoch)

    def add_start(self, network: MapClassifier, images: GreyBatch) -> None:
        """Show the first batch as the network sees it, and the network's graph.

        Args:
            network: in eval mode, since drawing the graph runs it.
            images: as they are shown to it.
        """
        with self._explaining():
            self._writer.add_images("batch/first", images[:N_IMAGES].cpu(), 0)
            with warnings.catch_warnings():
                # Tracing a network tells of every shape that it takes for constant.
                warnings.simplefilter("ignore")
                self._writer.add_graph(_Logits(network), images[:2])
            self._writer.flush()

    def add_epoch(self, epoch: Epoch, network: MapClassifier) -> None:
        """Add an epoch's figures, learning rates, and how the weights are spread."""
        with self._explaining():
            for name, field in _SCALARS.items():
                value = getattr(epoch, field)
                if value is not None:
                    self._writer.add_scalar(name, value, epoch.epoch)
            for pattern, rate in epoch.learning_rates.items():
                self._writer.add_scalar(f"learning rate/{pattern}", rate, epoch.epoch)
            for name, parameter in network.named_parameters():
                self._writer.add_histogram(name, parameter.detach().cpu(), epoch.epoch)
            self._writer.flush()

    def close(self) -> None:
        """Write what is left."""
        with self._explaining():
            self._writer.close()

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


def _open_writer(folder: Path, first_epoch: int) -> "SummaryWriter":
    from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 (slow; few need it)

    purge = first_epoch if first_epoch > 1 else None
    return SummaryWriter(str(folder), purge_step=purge)
