"""What is known of an image is kept without the name of its file.

SPDX-License-Identifier: Apache-2.0
"""

from hypothesis import given
from hypothesis import strategies as st

from cxrlens.imaging.decoded_facts import DecodedFacts, read_facts, write_facts
from cxrlens.vocabulary import ImageWarning

TEXTS = st.text(st.characters(codec=None), max_size=30)
WARNINGS = st.tuples(TEXTS, TEXTS, st.none() | st.floats(allow_nan=False))


@given(TEXTS, TEXTS, st.lists(WARNINGS, max_size=3))
def test_the_name_becomes_that_of_the_present_file(
    old: str, new: str, told: list[tuple[str, str, float | None]]
) -> None:
    def make(name: str) -> DecodedFacts:
        warnings = tuple(ImageWarning(reason, name + rest, n) for reason, rest, n in told)
        return DecodedFacts((70, 80), "0a" * 32, 123, warnings)

    written = write_facts(make(old), old)
    assert written is not None
    found, wanted = read_facts(written, new), make(new)
    assert vars(found) == vars(wanted)


def test_a_name_that_stands_elsewhere_cannot_be_told_apart() -> None:
    facts = DecodedFacts((70, 80), "0a" * 32, 1, (ImageWarning("odd", "in 'a.png': odd"),))
    assert write_facts(facts, "'a.png'") is None
    assert write_facts(facts, "in") is not None
