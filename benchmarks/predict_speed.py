"""How fast `predict` is, beside its limit and beside a notebook's loop.

SPDX-License-Identifier: Apache-2.0

    python benchmarks/predict_speed.py OUT [--images FOLDER] [--megapixels 2] [--networks NAME …]

The peer is a loop as the ancestors' notebooks have it: each file decoded whole as colour, shrunk,
normalised, and batches of 32 through the eager network in float32, with the same threads. All
sides in turns in one run. `cxrlens benchmark` prints the same without the peer. The decoded store
is not used, no overlay is written.

With ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 both libraries are held to AVX2; the first
line says what each of them found.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import timm
import torch
from PIL import Image
from torch import nn
from torchvision import transforms

from cxrlens.benchmark import (
    NETWORKS,
    SpeedReport,
    describe_machine,
    list_precisions,
    list_speeds,
    measure_answering,
    open_random_model,
    write_sample,
    write_speed,
)

PEER = "a notebook's loop"
BATCH, SIDE = 32, 224

TRANSFORM = transforms.Compose([
    transforms.Resize((SIDE, SIDE)),
    transforms.ToTensor(),
    transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
])  # fmt: skip


def main() -> None:
    """Print the table and write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--images", type=Path)
    parser.add_argument("--megapixels", type=float, default=2.0)
    parser.add_argument("--networks", nargs="+", default=NETWORKS)
    parser.add_argument("--precisions", nargs="+", default=list_precisions())
    parser.add_argument("--files", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    machine = describe_machine()
    print(machine.words, flush=True)
    sources = [] if options.images is None else sorted(map(str, options.images.rglob("*.*g")))
    speeds = []
    with tempfile.TemporaryDirectory() as scratch:
        files = write_sample(Path(scratch), options.files, options.megapixels, sources)
        for name in options.networks:
            model, peer = open_random_model(name), timm.create_model(name, num_classes=2).eval()
            for precision in options.precisions:
                speed = measure_answering(
                    name, model, files, precision, repeats=options.repeats,
                    beside={PEER: lambda peer=peer: answer_as_a_notebook(peer, files)},
                )  # fmt: skip
                speeds.append(speed)
                header, rows = list_speeds([speed])
                print(dict(zip(header, rows[0], strict=True)), flush=True)
    told = f"{options.files} grey JPEG files of {options.megapixels:g} megapixels"
    told += f", enlarged from {len(sources)} images" if sources else ", phantoms"
    options.out.mkdir(parents=True, exist_ok=True)
    report = SpeedReport(machine, told, options.repeats, tuple(speeds))
    print(write_speed(options.out, report)[1].read_text())


def answer_as_a_notebook(network: nn.Module, files: Sequence[Path]) -> int:
    """Answer for files as the ancestors do."""
    with torch.inference_mode():
        for start in range(0, len(files), BATCH):
            batch = []
            for file in files[start : start + BATCH]:
                with Image.open(file) as image:
                    batch.append(TRANSFORM(image.convert("RGB")))
            torch.softmax(network(torch.stack(batch)), dim=1).numpy()
    return len(files)


if __name__ == "__main__":
    main()
