"""The note that spares a build where nothing changed."""

import last_build
import pytest

SOURCES = ("_toc.yml", "requirements.txt", "book/one.md", "bnteach/layers/one.py")


@pytest.fixture
def project(tmp_path):
    """A project with sources, a site and a note that the one came from the other."""
    for name in (*SOURCES, "_build/html/index.html", "_build/html/_static/one.js"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("one\n")
    look(tmp_path).keep()
    return tmp_path


def look(project):
    build = project / "_build"
    return last_build.LastBuild(project, build / "html", build / "last-build.json")


def test_a_site_whose_sources_did_not_change_stays(project):
    assert look(project).holds()


@pytest.mark.parametrize("name", SOURCES)
def test_a_change_of_a_source_asks_for_a_new_build(project, name):
    (project / name).write_text("two\n")
    assert not look(project).holds()
    (project / name).write_text("one\n")
    assert look(project).holds()
    (project / name).unlink()
    assert not look(project).holds()


def test_a_new_source_asks_for_a_new_build(project):
    (project / "book/two.md").write_text("two\n")
    assert not look(project).holds()


def test_what_python_keeps_beside_its_modules_is_no_source(project):
    kept = project / "bnteach/layers/__pycache__/one.cpython-311.pyc"
    kept.parent.mkdir()
    kept.write_text("two\n")
    assert look(project).holds()


@pytest.mark.parametrize("damage", ["cut short", "removed", "more", "renamed"])
def test_a_site_that_is_not_as_it_was_built_is_built_anew(project, damage):
    page = project / "_build/html/index.html"
    if damage == "cut short":
        page.write_text("")
    elif damage == "more":
        page.with_name("other.html").write_text("one\n")
    elif damage == "renamed":
        page.rename(page.with_name("other.html"))
    else:
        page.unlink()
    assert not look(project).holds()


@pytest.mark.parametrize("note", ["", "{", "[]", '{"sources": ""}', None])
def test_a_damaged_note_is_no_note(project, note):
    path = project / "_build/last-build.json"
    path.unlink() if note is None else path.write_text(note)
    assert not look(project).holds()


def test_an_edit_during_a_build_asks_for_another(project):
    build = look(project)
    build.forget()
    (project / "book/one.md").write_text("two\n")
    build.keep()
    assert not look(project).holds()


def test_a_build_that_began_leaves_no_note(project):
    look(project).forget()
    assert not look(project).holds()
    look(project).forget()  # none there is no error
