"""Which map methods a command is asked for, with their settings.

SPDX-License-Identifier: Apache-2.0
"""

from collections.abc import Sequence
from typing import Annotated

import typer
import yaml

import cxrlens as cxr

SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="A setting of a method, e.g. n_samples=500; with several methods also "
        "METHOD.KEY=VALUE. May be given several times.",
    ),
]

AskedMethods = list[tuple["cxr.explanation.Method", object]]
"""Methods with their settings."""


def read_methods(names: Sequence[str], assignments: Sequence[str] | None) -> AskedMethods:
    """Find methods and give each the settings that are meant for it.

    Args:
        names: of methods, each once.
        assignments: every `--set`: a setting without a method's name goes to all that have it.

    Raises:
        InputError: if a method is not known, or a setting is no KEY=VALUE, is not known to any of
            the methods, or has a value that its method does not take.
    """
    methods = [cxr.explanation.find_method(name) for name in dict.fromkeys(names)]
    given: dict[str, dict[str, object]] = {method.name: {} for method in methods}
    for text in assignments or ():
        key, separator, value = text.partition("=")
        if not separator:
            raise cxr.vocabulary.InputError(f"--set must read KEY=VALUE; got {text!r}")
        parsed = _parse(value, text)
        owner, dot, name = key.rpartition(".")
        takers = [owner] if dot else [one.name for one in methods if key in one.setting_names]
        unknown = [taker for taker in takers if taker not in given]
        if unknown:
            hint = cxr.vocabulary.suggest(unknown[0], given)
            raise cxr.vocabulary.InputError(
                f"--set {text} is for {unknown[0]!r}, which is not asked for; {hint}"
            )
        for taker in takers or list(given):  # where none has it, the method says so
            given[taker][name] = parsed
    return [(method, method.read_settings(given[method.name])) for method in methods]


def _parse(value: str, text: str) -> object:
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise cxr.vocabulary.InputError(f"the value of --set {text} is no YAML value") from error
