import pytest

from cxrlens.cli import extras
from cxrlens.vocabulary import MissingToolError


def test_an_extra_that_is_there_is_no_obstacle() -> None:
    extras.require_extra("serve")


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(extras.EXTRAS, "serve", ("uvicorn", "no-such-package"))
    with pytest.raises(
        MissingToolError, match=r'needs no-such-package: pip install "cxrlens\[serve\]"'
    ):
        extras.require_extra("serve")
