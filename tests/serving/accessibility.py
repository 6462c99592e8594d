"""What keeps people from using a page.

SPDX-License-Identifier: Apache-2.0
"""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

TABLET = {"viewport": {"width": 768, "height": 1024}, "has_touch": True, "is_mobile": True}
"""A screen that is narrow, and touched."""

SMALL_TARGETS = """() => [...document.querySelectorAll(
    "button, select, input:not(.aside), textarea, .main-button, .case-link, .pick, summary")]
  .filter((one) => !one.closest(".viewer, dialog:not([open])") && one.checkVisibility())
  .map((one) => one.closest("label") ?? one)
  .filter((one) => Math.max(one.offsetHeight, one.getClientRects()[0]?.height ?? 0) < 40)
  .map((one) => one.outerHTML.slice(0, 120))"""
"""Lists what a finger misses."""


def find_grave(page: Page) -> list[tuple[str, str]]:
    """List what axe calls serious or critical: the rule, and the first element."""
    found = Axe().run(page).response
    assert len(found["passes"]) > 10
    return [
        (one["id"], one["nodes"][0]["html"][:200])
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]


def is_wider_than_the_screen(page: Page) -> bool:
    """Say whether a page must be scrolled sideways."""
    return bool(
        page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    )
