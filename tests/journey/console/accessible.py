"""What keeps people from using a page, as axe finds it."""

from __future__ import annotations

from axe_core_python.sync_playwright import Axe
from playwright.sync_api import Page

SERIOUS = {"serious", "critical"}
PLAIN_COLOURS = """() => {
  const real = window.getComputedStyle;
  const brush = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const known = {};
  const mixed = (colour) => {
    brush.clearRect(0, 0, 1, 1);
    brush.fillStyle = colour;
    brush.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = brush.getImageData(0, 0, 1, 1).data;
    return `rgba(${red}, ${green}, ${blue}, ${alpha / 255})`;
  };
  const plain = (value) => typeof value !== "string" ? value
    : value.replace(/(oklab|oklch|lab|lch|color)\\([^)]*\\)/g, (colour) => known[colour] ??= mixed(colour));
  const get = (style, name) => {
    const value = style[name];
    return typeof value === "function" ? (...given) => plain(value.apply(style, given)) : plain(value);
  };
  window.getComputedStyle = (...asked) => new Proxy(real.apply(window, asked), { get });
}"""
"""This axe reads no colour that CSS has mixed, and then gives up on the contrast of the whole page."""


def faults(page: Page, *rules: str) -> list[str]:
    """Return what a page does that keeps somebody from using it; of these rules only, where some are named."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(PLAIN_COLOURS)
        page.evaluate(Axe().axe_script)
    # What is still fading in has other colours for a moment.
    page.evaluate("() => Promise.allSettled(document.getAnimations().map((each) => each.finished))")
    options = {"resultTypes": ["violations", "incomplete"]} | ({"runOnly": list(rules)} if rules else {})
    found = page.evaluate("options => axe.run(options)", options)
    failed = [
        f"{each['id']} could not be looked at: {each['message']}" for each in found["incomplete"] if "error" in each
    ]
    return failed + [
        f"{each['id']}: {each['help']}: {[node['html'][:200] for node in each['nodes'][:3]]}"
        for each in found["violations"]
        if each["impact"] in SERIOUS
    ]
