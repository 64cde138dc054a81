"""Draws the pictures of docs/console.md anew: the demo's data in Debian's Chromium.

python -m docs.console_pictures
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import Page

from tests.console.installation import Installation, Visits, chromium

HERE = Path(__file__).parent
WINDOW = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 780}
PAGES = {
    "overview": "/",
    "recipients": "/recipients",
    "contact": "/contacts/by/steve.wong%40juniperlane.example",
    "review": "/review",
    "do-not-email": "/do-not-email",
    "mailboxes": "/mailboxes",
    "model": "/model",
    "automations": "/automations",
    "webhooks": "/webhooks",
}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, chromium(Installation(Path(folder))) as visits:
        page = visits.window(viewport=WINDOW)
        for name, path in PAGES.items():
            take(page, path, f"console-{name}")
        phone(visits)


def phone(visits: Visits) -> None:
    page = visits.window(viewport=PHONE, color_scheme="dark")
    take(page, "/recipients", "console-phone")


def take(page: Page, path: str, name: str) -> None:
    page.goto(path)
    page.wait_for_load_state("networkidle")
    page.screenshot(path=HERE / f"{name}.png")
    print(HERE / f"{name}.png")


if __name__ == "__main__":
    main()
