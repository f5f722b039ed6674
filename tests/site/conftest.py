"""What the checks of the site share: one Chromium for each file of tests."""

import pytest
from playwright.sync_api import sync_playwright
from site_browser import chromium


@pytest.fixture(scope="module")
def browser():
    """The machine's own Chromium."""
    with sync_playwright() as playwright, chromium(playwright) as browser:
        yield browser
