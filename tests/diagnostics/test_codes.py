"""Every finding leads to a section of the book that is there."""

import json
import re
from pathlib import Path

import pytest

from bnteach.diagnostics.codes import CODES

BOOK = Path(__file__).resolve().parents[2] / "book"


def slugs(stem):
    """Return the anchors of the headings of a page, as the site makes them."""
    path = BOOK / f"{stem}.ipynb"
    if path.exists():
        cells = json.loads(path.read_text("utf-8"))["cells"]
        text = "\n\n".join(
            "".join(c["source"]) for c in cells if c["cell_type"] != "code"
        )
    else:
        text = (BOOK / f"{stem}.md").read_text("utf-8")
    labels = re.findall(r"^\(([\w-]+)\)=$", text, re.MULTILINE)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return set(labels) | {
        re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") for title in titles
    }


@pytest.mark.parametrize("code", CODES)
def test_link_of_a_code(code):
    page, _, anchor = CODES[code].link.partition("#")
    found = slugs(page.removesuffix(".html"))
    assert not anchor or anchor in found


def test_severities_and_remedies():
    for name, code in CODES.items():
        assert code.severity in ("error", "warning", "info"), name
        assert code.remedy or name == "no-batch-normalization"
    assert {CODES[c].severity for c in ("redundant-bias", "norm-at-output")} == {"info"}
