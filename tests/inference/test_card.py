"""The card tells people what the record tells programs.

SPDX-License-Identifier: Apache-2.0
"""

import json

from cxrlens.inference import Bundle
from cxrlens.inference.card import write_card
from cxrlens.vocabulary import NOT_A_DEVICE, to_plain


def test_card(bundle: Bundle) -> None:
    plain = to_plain(bundle.record)
    assert isinstance(plain, dict)
    card = write_card(bundle.record.classes, plain)
    assert NOT_A_DEVICE in card
    assert "NORMAL / PNEUMONIA" in card
    assert "Must not be used for" in card
    told = json.loads(card.split("```json\n")[1].split("\n```")[0])
    assert told == {key: plain[key] for key in told}
    assert {"network", "data", "metrics", "provenance"} <= told.keys()


def test_a_model_of_several_labels_says_so(bundle: Bundle) -> None:
    plain = to_plain(bundle.record)
    assert isinstance(plain, dict)
    several = write_card(bundle.record.classes, {**plain, "is_multilabel": True})
    assert "any, several or none of NORMAL / PNEUMONIA" in several
    assert "every class with a probability of at least 0.5" in several
    assert "the class with the largest probability" in write_card(bundle.record.classes, plain)


def test_braces_in_a_class_are_only_braces(bundle: Bundle) -> None:
    assert "{a} / {notice}" in write_card(("{a}", "{notice}"), to_plain(bundle.record))
