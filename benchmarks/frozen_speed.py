"""How soon a head is trained on a frozen backbone: as the notebook does it, and on cached features.

SPDX-License-Identifier: Apache-2.0

    python benchmarks/frozen_speed.py [--images N] [--validation N] [--epochs N] [--sample N]

The recipe `pneumonia-resnet152`, random weights, on drawn radiographs that repeat (what is in the
pictures changes no time). Set against each other:

- the notebook's loop: every image of every epoch is read from its JPEG file, augmented with
  torchvision and sent through timm's network in PyTorch, float32; so is validation. Timed on a
  sample of images in turns with everything else, and multiplied;
- the recipe with `views=1` and `views=epochs`, trained in full, checkpoints and TensorBoard
  included; reading every file once is timed on the sample and added;
- the limit: reading every file once, and one run of the backbone for each view, by the sample.

All on the clock and in processor time; on a machine that others use the latter counts.
"""

import argparse
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import timm
import torch
from PIL import Image
from torchvision import transforms

from cxrlens.imaging import decode
from cxrlens.inference import open_feature_engine, openvino
from cxrlens.network import build_classifier
from cxrlens.phantom import draw_nth
from cxrlens.training import load_recipe
from cxrlens.training.cases import TrainingCases
from cxrlens.training.loop import Keeping, fit
from cxrlens.vocabulary import Epoch, Silence

RECIPE = "pneumonia-resnet152"

MANY = 10_000
"""Images for which the fast engine is taken, however few the sample is."""


@dataclass(frozen=True)
class Cost:
    """Seconds."""

    clock: float
    processor: float

    def __mul__(self, times: float) -> "Cost":
        return Cost(self.clock * times, self.processor * times)

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.clock + other.clock, self.processor + other.processor)


def measure(work: Callable[[], object]) -> Cost:
    """Time some work."""
    clock, processor = time.perf_counter(), time.process_time()
    work()
    return Cost(time.perf_counter() - clock, time.process_time() - processor)


class Notebook:
    """The ancestor's loop over a few files."""

    def __init__(self, files: Sequence[Path], network: str, side: int) -> None:
        self._files = files
        self._network = timm.create_model(network, pretrained=False, num_classes=2)
        for name, parameter in self._network.named_parameters():
            parameter.requires_grad_(name.startswith("fc."))
        self._vary = transforms.Compose([
            transforms.Resize((side, side)), transforms.RandomRotation(20),
            transforms.RandomHorizontalFlip(), transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ])  # fmt: skip
        self._optimiser = torch.optim.Adam(self._network.get_classifier().parameters(), lr=1e-3)

    def run(self) -> None:
        """Show every file once."""
        pictures = [Image.open(file).convert("RGB") for file in self._files]
        batch = torch.stack([self._vary(one) for one in pictures])
        targets = torch.arange(len(batch)) % 2
        loss = torch.nn.functional.cross_entropy(self._network(batch), targets)
        loss.backward()
        self._optimiser.step()
        self._optimiser.zero_grad()


class Ours:
    """One run of the backbone over the same files, and the trainings."""

    def __init__(self, files: Sequence[Path], overrides: Sequence[str]) -> None:
        self._files, self._overrides = [str(file) for file in files], overrides
        recipe = load_recipe(RECIPE, overrides)
        self._step = recipe.preprocessing
        self._pixels = decode(self._files, self._step).pixels
        size = (self._step.height, self._step.width)
        network = build_classifier(recipe.network, 2, size).eval()
        precision = recipe.optimisation.precision
        self._engine = open_feature_engine(network, size, precision, MANY)

    def read(self) -> None:
        """Read every file once."""
        decode(self._files, self._step)

    def look(self) -> None:
        """Run the backbone once over every image of the sample."""
        self._engine.run(torch.from_numpy(self._pixels.astype(np.float32) / 65535)[:, None])

    def train(self, views: str, n_train: int, n_validation: int) -> tuple[Epoch, ...]:
        """Train in full."""
        recipe = load_recipe(RECIPE, [*self._overrides, f"views={views}"])
        n = n_train + n_validation
        pixels = self._pixels[np.arange(n) % len(self._pixels)]
        rows, targets = np.arange(n), np.arange(n) % 2
        cases = TrainingCases(pixels, targets, rows[:n_train], rows[n_train:], 2)
        size = (recipe.preprocessing.height, recipe.preprocessing.width)
        network = build_classifier(recipe.network, 2, size)
        with TemporaryDirectory() as folder:
            keeping = Keeping(Path(folder), {"recipe": "0" * 64})
            return fit(network, cases, recipe, Silence(), keeping).history


def main() -> None:
    """Print rates and ratios."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--images", type=int, default=4000, help="of the training part")
    parser.add_argument("--validation", type=int, default=700)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--sample", type=int, default=32, help="images that rates are timed on")
    parser.add_argument(
        "--repeats", type=int, default=3, help="of the sample, before each training"
    )
    parser.add_argument("--views", nargs="+", default=["1", "epochs"])
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--file-side", type=int, default=1200, help="of the JPEG files")
    parser.add_argument("--network", default="resnet152")
    parser.add_argument("--precision", default="float32", choices=("float32", "bfloat16"))
    options = parser.parse_args()
    print(
        f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} thread(s), torch "
        f"{torch.__version__}, timm {timm.__version__}, OpenVINO {openvino.__version__}"
    )
    with TemporaryDirectory() as folder:
        files = draw_files(Path(folder), options.sample, options.file_side)
        report(files, options)


def draw_files(folder: Path, n: int, side: int) -> list[Path]:
    """Draw radiographs as JPEG files."""
    files = [folder / f"{number}.jpeg" for number in range(n)]
    for number, file in enumerate(files):
        picture = Image.fromarray(draw_nth(number, 0).pixels)
        picture.resize((side, side)).save(file, quality=95)
    return files


def report(files: Sequence[Path], options: argparse.Namespace) -> None:
    """Time everything in turns, and print it."""
    torch.manual_seed(0)
    notebook = Notebook(files, options.network, options.side)
    overrides = [
        "weights=none",
        f"height={options.side}",
        f"width={options.side}",
        f"epochs={options.epochs}",
        f"network.backbone={options.network}",
        f"precision={options.precision}",
    ]
    ours = Ours(files, overrides)
    rates: dict[str, list[Cost]] = {"loop": [], "read": [], "look": []}
    trained: dict[str, Cost] = {}
    for work in (notebook.run, ours.read, ours.look):
        work()  # the first run sets everything up
    for views in [*options.views, None]:
        for _ in range(options.repeats):
            for name, work in (("loop", notebook.run), ("read", ours.read), ("look", ours.look)):
                rates[name].append(measure(work) * (1 / len(files)))
        if views is not None:
            start = time.perf_counter(), time.process_time()
            told = ours.train(views, options.images, options.validation)[0].features
            spent = Cost(time.perf_counter() - start[0], time.process_time() - start[1])
            trained[views] = spent
            print(f"views={views}: features {told.partition(' by ')[2]}")
    show({name: find_median(costs) for name, costs in rates.items()}, trained, options)


def show(rates: dict[str, Cost], trained: dict[str, Cost], options: argparse.Namespace) -> None:
    """Print a row for each way."""
    n, of_validation, epochs = options.images, options.validation, options.epochs
    loop = rates["loop"] * ((n + of_validation) * epochs)
    reading = rates["read"] * (n + of_validation)
    each = {name: f"{1000 * cost.processor:.1f} ms" for name, cost in rates.items()}
    print(
        f"{options.network}, {options.side} pixels, {n} + {of_validation} images, {epochs} epochs; "
        f"an image: notebook's loop {each['loop']}, reading {each['read']}, backbone "
        f"{each['look']} of processor time (medians on {options.sample} images)"
    )
    rows = {"notebook's loop (extrapolated from the sample)": loop}
    for views, cost in trained.items():
        n_views = epochs if views == "epochs" else int(views)
        rows[f"views={views} (trained; reading extrapolated)"] = cost + reading
        limit = reading + rates["look"] * (n * n_views + of_validation)
        rows[f"  its limit: reading and {n_views} view(s) (extrapolated)"] = limit
    print(f"{'':58}{'clock, s':>10} {'processor, s':>13} {'clock':>8} {'processor':>10}")
    for name, cost in rows.items():
        ratios = f"{loop.clock / cost.clock:7.1f}x {loop.processor / cost.processor:9.1f}x"
        print(f"{name:58}{cost.clock:10.1f} {cost.processor:13.1f} {ratios}")


def find_median(costs: Sequence[Cost]) -> Cost:
    """The median of each kind of seconds."""
    return Cost(
        float(np.median([cost.clock for cost in costs])),
        float(np.median([cost.processor for cost in costs])),
    )


if __name__ == "__main__":
    main()
