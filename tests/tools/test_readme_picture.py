"""The picture of the README is made from what the project holds now."""

import re
from pathlib import Path

import pytest
import readme_picture

README = (readme_picture.ROOT / "README.md").read_text("utf-8")


def test_pictures_are_made_from_what_is_here():
    links = re.findall(r'(?:src|srcset)="(book/[^"]+\.svg)"', README)
    assert len(links) == 2
    for link in links:
        text = Path(readme_picture.ROOT / link).read_text("utf-8")
        assert text.endswith(readme_picture.stamp()), "draw it anew with: make book"


def test_the_same_is_drawn_again_and_only_when_something_changed(tmp_path, monkeypatch):
    readme_picture.write_pictures(tmp_path)
    for name in ("learning.svg", "learning-dark.svg"):
        drawn = (tmp_path / name).read_text("utf-8")
        assert drawn == (readme_picture.FOLDER / name).read_text("utf-8")
    monkeypatch.setattr(readme_picture, "draw", lambda: pytest.fail("drawn again"))
    readme_picture.write_pictures(tmp_path)
    source = tmp_path / "source"
    source.write_text("something else")
    monkeypatch.setattr(readme_picture, "SOURCES", (source,))
    monkeypatch.setattr(readme_picture, "draw", lambda: "<svg></svg>")
    readme_picture.write_pictures(tmp_path)
    assert "<svg></svg>" in (tmp_path / "learning.svg").read_text("utf-8")


def test_the_picture_has_a_dark_look():
    light, dark = (
        (readme_picture.FOLDER / name).read_text("utf-8").lower()
        for name in ("learning.svg", "learning-dark.svg")
    )
    assert "#d55e00" in light
    assert "#d55e00" not in dark
