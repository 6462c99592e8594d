"""The command line's one entry: commands are found, errors become one sentence.

SPDX-License-Identifier: Apache-2.0
"""

import os
import sys

import typer

import cxrlens as cxr
from cxrlens.cli.audit import audit
from cxrlens.cli.benchmark import benchmark
from cxrlens.cli.calibrate import calibrate
from cxrlens.cli.compare import compare
from cxrlens.cli.console import say
from cxrlens.cli.convert import convert
from cxrlens.cli.demo import demo
from cxrlens.cli.doctor import doctor
from cxrlens.cli.evaluate import evaluate
from cxrlens.cli.explain import explain
from cxrlens.cli.explain_card import explain_card
from cxrlens.cli.export import export
from cxrlens.cli.find_lr import find_lr
from cxrlens.cli.fit_ood import fit_ood
from cxrlens.cli.import_ import import_
from cxrlens.cli.predict import predict
from cxrlens.cli.quantise import quantise
from cxrlens.cli.room import room
from cxrlens.cli.serve import serve
from cxrlens.cli.show import show
from cxrlens.cli.trail import trail
from cxrlens.cli.train import train

EXIT_FAULT = 1
"""A fault of ours."""

EXIT_INTERRUPTED = 130
"""Stopped by the user (128 + SIGINT)."""

app = typer.Typer(
    help="Chest X-ray classifiers that are measured and that show where they look. "
    "Research software, not a medical device.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    demo, show, convert, find_lr, train, evaluate, compare, calibrate, fit_ood, predict, explain,
    explain_card, audit, export, quantise, serve, benchmark, doctor,
):  # fmt: skip
    app.command()(command)
app.command("import")(import_)
app.add_typer(room, name="room")
app.add_typer(trail, name="trail")


def main() -> None:
    """Run the command line.

    Exit codes: 0 done, 2 wrong use or input, 3 partial (some files refused, listed), 4 a gate
    not passed (`audit`, `export --check`, `trail verify`), 1 a fault of ours (the traceback is
    shown where the environment variable CXRLENS_TRACEBACK is set).
    """
    try:
        app()
    except BrokenPipeError:
        # Whoever read our output has gone (`| head`): stop quietly, and let nothing be flushed.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except KeyboardInterrupt:
        say("stopped")
        sys.exit(EXIT_INTERRUPTED)
    except Exception as error:
        sys.exit(_report_error(error))


def _report_error(error: Exception) -> int:
    if isinstance(error, cxr.CxrlensError):
        say(f"error: {error}")
        return error.exit_code
    if os.environ.get("CXRLENS_TRACEBACK"):
        raise error
    say(
        f"error: a fault of ours: {type(error).__name__}: {error}; "
        "set CXRLENS_TRACEBACK=1 to see where, and report it"
    )
    return EXIT_FAULT
