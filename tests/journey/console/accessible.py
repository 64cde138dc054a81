"""What keeps people from using a page, as axe finds it."""

from __future__ import annotations

from axe_core_python.sync_playwright import Axe
from playwright.sync_api import Page

SERIOUS = {"serious", "critical"}


def faults(page: Page, *rules: str) -> list[str]:
    """Return what a page does that keeps somebody from using it; of these rules only, where some are named."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(Axe().axe_script)
    options = {"resultTypes": ["violations"]} | ({"runOnly": list(rules)} if rules else {})
    return [
        f"{each['id']}: {each['help']}: {[node['html'][:200] for node in each['nodes'][:3]]}"
        for each in page.evaluate("options => axe.run(options)", options)["violations"]
        if each["impact"] in SERIOUS
    ]
