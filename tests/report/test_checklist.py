"""The checklist has every item once, and claims nothing that the report does not hold.

SPDX-License-Identifier: Apache-2.0
"""

import re
from dataclasses import replace

from cxrlens.report import Report
from cxrlens.report.checklist import fill_checklist
from cxrlens.report.facts import gather_facts
from cxrlens.report.page import render_page

TRIPOD = """1 2 3a 3b 3c 4 5a 5b 6a 6b 6c 7 8a 8b 8c 9a 9b 9c 10 11 12a 12b 12c 12d 12e 12f 12g
13 14 15 16 17 18a 18b 18c 18d 18e 18f 19 20a 20b 20c 21 22 23a 23b 24 25 26 27a 27b 27c"""
"""Collins et al., BMJ 2024;385:e078378, table 2."""


def find(report: Report, claim: str) -> tuple[str, str]:
    (item,) = [item for item in fill_checklist(report) if item.claim == claim]
    return item.status, item.said


def test_every_item_of_both_lists_is_there(bare: Report, full: Report) -> None:
    for report in (bare, full):
        items = fill_checklist(report)
        assert [item.claim for item in items if item.claim] == [str(n) for n in range(1, 45)]
        named = {number for item in items for number in re.split(", ", item.tripod) if number}
        assert named == set(TRIPOD.split())


def test_links_lead_to_sections_that_are_there(bare: Report, full: Report) -> None:
    for report in (bare, full):
        html = render_page(report, gather_facts(report))
        links = set(re.findall(r'href="#([^"]+)"', html))
        assert links <= set(re.findall(r'id="([^"]+)"', html))


def test_what_was_not_done_is_not_claimed(bare: Report, full: Report) -> None:
    for claim in ("19", "22", "26", "30", "31", "35", "36"):
        assert find(bare, claim)[0] == "not done", claim
    for claim in ("19", "22", "26", "30", "31", "35"):
        assert find(full, claim)[0] == "told", claim
    assert find(full, "36")[0] == "in part"
    assert find(full, "33")[0] == "not done"
    assert find(bare, "33")[0] == "a person must say"


def test_what_no_run_can_know_is_left_to_a_person(full: Report) -> None:
    for claim in ("3", "4", "5", "11", "14", "16", "18", "21", "34", "41", "44"):
        assert find(full, claim)[0] == "a person must say", claim


def test_unknown_patients_make_the_split_doubtful(full: Report) -> None:
    assert find(full, "20")[0] == "told"
    unknown = replace(full, evaluation=replace(full.evaluation, n_unknown_patients=7))
    assert find(unknown, "20") == ("in part", "patients, but of 7 images the patient is unknown")
