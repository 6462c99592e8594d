"""Settings that mean nothing are refused.

SPDX-License-Identifier: Apache-2.0
"""

import pytest

from cxrlens.network import ImportSettings
from cxrlens.vocabulary import InputError


def test_unknown_words_are_refused_with_a_hint() -> None:
    with pytest.raises(InputError, match="fit 'stretched' is not known: did you mean 'stretch'"):
        ImportSettings(fit="stretched")
    with pytest.raises(InputError, match=r"head activation 'gelu' is not known: .*relu"):
        ImportSettings(head_activation="gelu")
