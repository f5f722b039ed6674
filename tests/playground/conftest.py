"""What the checks of the playground share: a Chromium, the engine in a blank page."""

import base64
import json

import playground
import pytest
from playwright.sync_api import sync_playwright
from site_browser import chromium


@pytest.fixture(scope="module")
def browser():
    """The machine's own Chromium."""
    with sync_playwright() as playwright, chromium(playwright) as browser:
        yield browser


@pytest.fixture(scope="module")
def engine(browser):
    """A blank page with the engine's names, the digits, and `modules`, by kernels."""
    page = browser.new_page()
    page.add_script_tag(content=playground.joined("simulation.js"))
    page.add_script_tag(content=playground.joined("digits.js"))
    wasm = base64.b64encode((playground.SOURCES / "kernels.wasm").read_bytes()).decode()
    packed = json.loads(playground.pack_digits())
    page.evaluate(
        """async ([wasm, packed]) => {
          window.modules = { javascript: null };
          window.modules.wasm = await WebAssembly.compile(fromBase64(wasm));
          window.digits = await unpackDigits(packed);
        }""",
        [wasm, packed],
    )
    yield page
    page.close()
