"""An audit becomes two files: a page that needs nothing else, and its facts.

SPDX-License-Identifier: Apache-2.0
"""

import json
import os
from pathlib import Path

from cxrlens.imaging import try_read, write_whole
from cxrlens.report.page import open_environment
from cxrlens.report.thumbnail import Panel, draw_thumbnail
from cxrlens.report.write import make_folder
from cxrlens.vocabulary import NOT_A_DEVICE, Audit, Plain, Refusal, to_plain

SCHEMA = 1
"""Version of the facts' form."""

MAX_GROUPS = 24
"""Groups of repeats that are listed on the page; all stand in the facts."""

MAX_SUSPECTS = 60
"""Doubtful labels that are listed on the page; all stand in the facts."""

MAX_PICTURES = 4
"""Of one group of repeats."""

N_SHOWN = 24
"""Doubtful labels with a picture."""


def gather_audit_facts(audit: Audit) -> dict[str, Plain]:
    """Turn an audit into the content of `audit.json`.

    Args:
        audit: what was found.

    Returns:
        Plain JSON values; every figure that the page shows is among them.
    """
    facts = to_plain(audit)
    if not isinstance(facts, dict):
        raise TypeError(f"an audit becomes a dictionary; got {type(facts).__name__}")
    groups = [
        {
            **plain,
            "crosses_parts": group.crosses_parts,
            "crosses_patients": group.crosses_patients,
        }
        for plain, group in zip(facts["repeats"], audit.repeats, strict=True)
    ]
    return {
        "notice": NOT_A_DEVICE,
        "schema": SCHEMA,
        "is_passed": audit.is_passed,
        **facts,
        "repeats": groups,
    }


def write_audit(folder: Path, audit: Audit, root: str | None) -> tuple[Path, Path]:
    """Write `audit.html` and `audit.json`, each whole or not at all.

    Args:
        folder: where to; made where it is missing.
        audit: what was found.
        root: where the images lie, from which their names go; None leaves pictures out.

    Returns:
        The page and the facts.

    Raises:
        OutputError: if the folder cannot be written.
    """
    facts = gather_audit_facts(audit)
    text = json.dumps(facts, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    page = render_audit(audit, facts, root)
    make_folder(folder)
    page_path, facts_path = folder / "audit.html", folder / "audit.json"
    write_whole(facts_path, text.encode())
    write_whole(page_path, page.encode())
    return page_path, facts_path


def render_audit(audit: Audit, facts: dict[str, Plain], root: str | None) -> str:
    """Write an audit as HTML.

    Args:
        audit: for the names of images.
        facts: the content of `audit.json`, from which every figure is read.
        root: as for `write_audit`.

    Returns:
        One page without script, outside file or network.
    """
    groups, suspects = audit.repeats[:MAX_GROUPS], audit.suspects[:N_SHOWN]
    repeats = [[_draw(name, root) for name in group.images[:MAX_PICTURES]] for group in groups]
    return (
        open_environment(facts)
        .get_template("audit.html")
        .render(
            facts=facts,
            has_pictures=root is not None,
            repeats=[[panel for panel in row if panel] for row in repeats],
            suspects=[_draw(one.image, root) for one in suspects],
            max_groups=MAX_GROUPS,
            max_suspects=MAX_SUSPECTS,
        )
    )


def _draw(name: str, root: str | None) -> Panel | None:
    """A small picture; None where there are to be none, or the file is gone."""
    if root is None:
        return None
    radiograph = try_read(os.path.join(root, name))  # noqa: PTH118 (bytes that are no UTF-8)
    return None if isinstance(radiograph, Refusal) else draw_thumbnail(radiograph.pixels, name)
