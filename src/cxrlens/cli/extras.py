"""What comes only with an extra, such as `pip install "cxrlens[serve]"`.

SPDX-License-Identifier: Apache-2.0
"""

from importlib.metadata import PackageNotFoundError, version

import cxrlens as cxr

EXTRAS = {
    "serve": ("fastapi", "httpx2", "python-multipart", "sqlalchemy", "uvicorn"),
    "dev": ("pytest", "mypy", "playwright"),
}
"""The packages that each adds."""


def list_missing(extra: str) -> list[str]:
    """List the packages of an extra that are not installed."""
    return [name for name in EXTRAS[extra] if find_version(name) is None]


def require_extra(extra: str) -> None:
    """Refuse to go on without an extra.

    Raises:
        MissingToolError: if one of its packages is not installed.
    """
    missing = list_missing(extra)
    if missing:
        raise cxr.vocabulary.MissingToolError(
            f'this needs {", ".join(missing)}: pip install "cxrlens[{extra}]"'
        )


def find_version(name: str) -> str | None:
    """Give the version of an installed package; None where it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None
