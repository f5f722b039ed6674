"""The API page: a section for each folder, its face first, then its modules."""

import re
import sys

import pytest
import small_site

TOY = {
    "__init__.py": '"""A toy."""',
    "alone.py": '"""A module that stands alone."""\n\ndef lone():\n    """Do it."""',
    "folder/__init__.py": (
        '"""What lives in this folder."""\n\n'
        "from toy.folder.inner import Shown\n\n"
        "SIZE = 3\n"
        '__all__ = ["SIZE", "Shown"]'
    ),
    "folder/inner.py": (
        '"""The inner module."""\n\n'
        'class Shown:\n    """A class that readers import."""\n\n'
        'def inside():\n    """Stay inside."""'
    ),
    "folder/_private.py": '"""Not shown."""',
}


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A small package of one module and one folder."""
    for name, text in TOY.items():
        path = tmp_path / "source" / "toy" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    monkeypatch.syspath_prepend(str(tmp_path / "source"))
    monkeypatch.syspath_prepend(str(small_site.EXTENSIONS))
    import toy

    yield toy
    for name in [name for name in sys.modules if name.split(".")[0] == "toy"]:
        del sys.modules[name]


def test_folder_begins_with_its_face_and_goes_on_with_its_modules(
    toy, tmp_path, monkeypatch
):
    import api_page

    monkeypatch.setattr(api_page.sections, "__defaults__", (toy,))
    pages = {"index.md": f"# API\n\n{api_page.MODULES_LINE}"}
    site, warnings = small_site.build(
        tmp_path / "page", pages, ["sphinx.ext.autodoc", "book_site"], nitpicky=True
    )
    assert warnings == ""
    html = (site / "index.html").read_text("utf-8")
    article = html[html.index("<article") : html.index("</article")]
    headings = re.findall(r"<h([23])>.*?<span class=\"pre\">([\w.]+)<", article)
    assert headings == [
        ("2", "toy.alone"),
        ("2", "toy.folder"),
        ("3", "toy.folder.inner"),
    ]
    face = article[article.index("What lives in this folder") :]
    face = face[: face.index("<h3")]
    assert "Imported from here" in face
    assert re.search(r'<span class="pre">SIZE</span>', face)
    assert 'href="#toy.folder.inner.Shown"' in face
    assert 'id="toy.folder.inner.inside"' in article
    assert "Not shown" not in article
