"""What the book mends on the pages that the theme leaves."""

import pytest
import small_site
from bs4 import BeautifulSoup

SPACE = "\N{NO-BREAK SPACE}"
PAGE = """# Page

It reaches 89.0 % of them, 0.5 ± 0.1, 5 times. In code: `89.0 % 5`.

| share |
|---|
| **12 %** |

```python
rest = 7 % 3
```
"""


@pytest.fixture(scope="module")
def article(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finish")
    html, warnings = small_site.build(folder, {"index.md": PAGE}, ["page_finish"])
    assert warnings == ""
    page = BeautifulSoup((html / "index.html").read_text("utf-8"), "html.parser")
    return page.article


def test_number_keeps_its_sign_in_the_same_line(article):
    text = article.p.get_text()
    assert f"89.0{SPACE}% of them" in text
    assert f"0.5{SPACE}±{SPACE}0.1, 5 times" in text
    assert f"12{SPACE}%" in article.td.get_text()


def test_code_stays_as_it_was_typed(article):
    assert article.p.code.get_text() == "89.0 % 5"
    assert "7 % 3" in article.pre.get_text()
