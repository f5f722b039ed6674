"""The list of what the site serves of others, with the licences of all."""

import hashlib
import re
from importlib import metadata
from pathlib import Path

import licences
import pytest
import vl_convert
from site_browser import require

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "_build" / "html" / "_static"
OWN = [ROOT / "book" / "_static", ROOT / "bnteach" / "page"]
# Made by the extensions in book/_ext
OF_EXTENSIONS = {"bn-dark.css", "bn-formulas.css", "icons.css"}
# Made by a package for this site
MADE = {
    "basic.css": "sphinx",
    "documentation_options.js": "sphinx",
    "language_data.js": "sphinx",
    "copybutton.js": "sphinx-copybutton",
    "pygments.css": "pygments",
    "pydata-sphinx-theme.css": "pydata-sphinx-theme",  # without its icon font
}


@pytest.fixture(scope="module")
def text():
    return licences.text()


def named_parts():
    return {name for part in licences.served()["part"] for name in part["names"]}


def test_every_part_of_the_vega_bundle_is_named():
    (binary,) = Path(vl_convert.__file__).parent.glob("vl_convert*.*[od]")
    found = re.findall(rb"/npm/([a-z][a-z0-9.-]*?)@\d", binary.read_bytes())
    parts = {name.decode() for name in found}
    assert len(parts) > 30
    assert parts - named_parts() == set()


@pytest.mark.parametrize(
    "words",
    [
        "Font Awesome Free",
        "Bootstrap",
        "clipboard.js",
        "STIX Two Math",
        "sphinx-book-theme 1.",
        "pydata-sphinx-theme 0.",
        "sphinx-design 0.",
        "Copyright (c) 2018, pandas",  # of pydata-sphinx-theme
        "SIL OPEN FONT LICENSE Version 1.1",
        "Apache License",
    ],
)
def test_list_names_what_is_served_and_under_which_licence(text, words):
    assert words in text


def test_versions_are_those_of_the_installed_packages(text):
    for name in licences.served()["packages"]:
        assert f"{name} {metadata.version(name)}\n---" in text


def test_package_without_a_licence_is_an_error(monkeypatch):
    listed = {"packages": ["latex2mathml"], "part": []}
    monkeypatch.setattr(licences, "served", lambda: listed)
    with pytest.raises(FileNotFoundError, match="latex2mathml"):
        licences.text()


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def installed_files():
    """Return the digests of the files of the packages of the list."""
    names = licences.served()["packages"]
    packages = [metadata.distribution(name) for name in names]
    paths = [p.locate_file(file) for p in packages for file in p.files]
    code = (".py", ".pyc", "")
    return {digest(path) for path in paths if path.suffix not in code and path.exists()}


def test_every_file_that_is_served_belongs_to_a_package_of_the_list():
    require(STATIC.is_dir(), "the built site", "build it with: make book")
    known = installed_files()
    own = {path.relative_to(at) for at in OWN for path in at.rglob("*")}
    unknown = [
        path.relative_to(STATIC).as_posix()
        for path in STATIC.rglob("*")
        if path.is_file()
        and path.relative_to(STATIC) not in own
        and path.name not in {*MADE, *OF_EXTENSIONS}
        and digest(path) not in known
    ]
    assert unknown == []
    assert set(MADE.values()) <= set(licences.served()["packages"])
