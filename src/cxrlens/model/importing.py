"""What a notebook saved becomes a model.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cxrlens.inference import UNKNOWN_DATA, Bundle, BundleRecord, save_bundle
from cxrlens.model.answering import Model
from cxrlens.model.answers import PathLike
from cxrlens.network import ForeignCheckpoint, ImportSettings, adopt_network, read_checkpoint
from cxrlens.training import BUNDLE_FOLDER, claim_run_folder
from cxrlens.vocabulary import ARGMAX, EACH_AT_HALF, InputError, WeightsError, to_plain


@dataclass(frozen=True, eq=False)
class Import:
    """What a foreign checkpoint became."""

    model: Model
    """With its bundle, as saved."""

    assumptions: tuple[str, ...]
    """What the checkpoint does not say, and how it was taken: one sentence each."""


def import_checkpoint(
    checkpoint: PathLike,
    *,
    arch: str | None = None,
    classes: Sequence[str] | None = None,
    settings: ImportSettings | None = None,
    out: PathLike | None = None,
) -> Model:
    """Import what a notebook saved and save it as a bundle in a run folder.

    Args:
        checkpoint: a torch or safetensors file of a state dict, or of a checkpoint dictionary of
            tensors and plain values that holds one.
        arch: torchvision's or timm's name of its architecture; None takes the checkpoint's `arch`.
        classes: in the order of the outputs; None takes the checkpoint's `class_to_idx`.
        settings: what the checkpoint does not say, such as the normalisation.
        out: the run folder; None counts up `runs/import`, `runs/import2`, …

    Returns:
        The model, which gives the logits of the network that was saved.

    Raises:
        WeightsError: if the file cannot be read, holds Python objects, or fits neither the
            architecture nor the classes.
        RecipeError: if the input size or the normalisation is not valid.
        InputError: if architecture or classes are neither given nor in the file, or differ.
        OutputError: if the run folder is in use, not empty, or cannot be written.
    """
    with claim_run_folder(None if out is None else Path(out), "import") as folder:
        return run_import(
            Path(checkpoint), folder, arch=arch, classes=classes, settings=settings
        ).model


def run_import(
    path: Path,
    folder: Path,
    *,
    arch: str | None = None,
    classes: Sequence[str] | None = None,
    settings: ImportSettings | None = None,
) -> Import:
    """Import a checkpoint into a claimed folder.

    Args:
        path: as for `import_checkpoint`, which raises what this raises.
        folder: gets `bundle`.
        arch: as for `import_checkpoint`.
        classes: as for `import_checkpoint`.
        settings: as for `import_checkpoint`.
    """
    settings = settings or ImportSettings()
    checkpoint = read_checkpoint(_read_bytes(path), path)
    name = _resolve_arch(checkpoint, arch)
    known = _resolve_classes(checkpoint, classes, is_multilabel=settings.is_multilabel)
    adopted = adopt_network(checkpoint, name, known, settings)
    record = BundleRecord(
        classes=known,
        preprocessing=adopted.preprocessing,
        network=adopted.spec,
        recipe=to_plain(
            {
                "name": "import",
                "checkpoint": path.name,
                "arch": name,
                "settings": settings,
                "assumptions": adopted.assumptions,
            }
        ),
        initial_weights=f"imported from {path.name} sha256:{checkpoint.digest}",
        data=UNKNOWN_DATA,
        operating_point=EACH_AT_HALF if settings.is_multilabel else ARGMAX,
        is_multilabel=settings.is_multilabel,
    )
    made = Bundle(record, lambda: adopted.network, frozenset())
    bundle = save_bundle(made, folder / BUNDLE_FOLDER)
    return Import(Model(bundle), adopted.assumptions)


def _read_bytes(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():
            raise WeightsError(f"checkpoint {path} is no file; give the file that was saved")
        return path.read_bytes()
    except OSError as error:
        raise WeightsError(f"checkpoint {path} cannot be read ({error.strerror})") from error


def _resolve_arch(checkpoint: ForeignCheckpoint, arch: str | None) -> str:
    stated = checkpoint.beside.get("arch")
    if arch is None and not isinstance(stated, str):
        raise InputError(
            f"checkpoint {checkpoint.path} does not say its architecture; give it, such as "
            "--arch resnet34"
        )
    return arch or str(stated)


def _resolve_classes(
    checkpoint: ForeignCheckpoint, classes: Sequence[str] | None, *, is_multilabel: bool
) -> tuple[str, ...]:
    stated = _read_classes(checkpoint)
    if classes is None and stated is None:
        raise InputError(
            f"checkpoint {checkpoint.path} does not say its classes; give them in the order of "
            "its outputs, such as --classes NORMAL,PNEUMONIA"
        )
    known = tuple(classes or stated or ())
    if stated is not None and known != stated:
        raise InputError(
            f"the classes given are {', '.join(known)}, class_to_idx in {checkpoint.path} has "
            f"{', '.join(stated)} in the order of the outputs; leave --classes away to take these"
        )
    fewest = 1 if is_multilabel else 2
    if len(known) < fewest or len(set(known)) < len(known) or not all(known):
        raise InputError(
            f"the classes are {', '.join(map(repr, known))}; give at least {fewest}, each a name "
            "of its own, in the order of the outputs"
        )
    return known


def _read_classes(checkpoint: ForeignCheckpoint) -> tuple[str, ...] | None:
    """Take the classes that a checkpoint states, where it numbers them from 0 on."""
    stated = checkpoint.beside.get("class_to_idx")
    if not isinstance(stated, dict) or not all(isinstance(name, str) for name in stated):
        return None
    if not all(isinstance(index, int) for index in stated.values()):
        return None
    if not stated or sorted(stated.values()) != list(range(len(stated))):
        return None
    return tuple(sorted(stated, key=lambda name: stated[name]))
