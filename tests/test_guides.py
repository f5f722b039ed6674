"""README, CONTRIBUTING and the licences of the text: what they name is there."""

import re
from pathlib import Path

import pytest

from bnteach.commands import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
GUIDES = ["README.md", "CONTRIBUTING.md", "LICENSE-TEXT.md"]
PAGES = ["book/intro.md", "book/glossary.md"]
MADE = ("runs/", "_build/", ".venv/")  # by the commands that are described

each_text = pytest.mark.parametrize("name", GUIDES + PAGES)


def read(name):
    return (ROOT / name).read_text("utf-8")


def targets():
    return set(re.findall(r"^([a-z-]+):.*##", read("Makefile"), re.MULTILINE))


@each_text
def test_every_path_that_is_named_exists(name):
    code = re.findall(r"`([\w./-]+)`", read(name))
    paths = [text for text in code if "/" in text and not text.startswith(MADE)]
    # A capital letter stands for a name to choose, as in tests/FOLDER/.
    fixed = [path for path in paths if not re.search(r"NAME|FOLDER|NN_|OWNER", path)]
    assert [path for path in fixed if not (ROOT / path).exists()] == []


@each_text
def test_every_module_that_is_named_exists(name):
    for dotted in re.findall(r"\bbnteach((?:\.\w+)+)", read(name)):
        parts = dotted.strip(".").split(".")
        folder = ROOT / "bnteach" / parts[0]
        assert folder.is_dir() or folder.with_suffix(".py").is_file(), dotted


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_targets_of_make_are_those_of_the_makefile(name):
    code = " ".join(re.findall(r"`+[^`]+`+", read(name)))
    named = set(re.findall(r"\bmake ([a-z-]+)", code))
    assert named <= targets()


@each_text
def test_every_command_that_is_named_exists(name):
    known = {command.__name__.rsplit(".", 1)[1] for command in COMMANDS}
    lines = re.findall(r"(?:^|[`=] ?|jax )bnteach ([a-z]+)", read(name), re.MULTILINE)
    assert set(lines) - known == set()


# --- the tree of CONTRIBUTING --------------------------------------------------------


def tree():
    """Return (indent, names) of each line of the tree; what it says starts later."""
    text = read("CONTRIBUTING.md")
    start = text.index("```\n_config.yml") + 4
    lines = text[start : text.index("```", start)].splitlines()
    width = lines[0].index("the site")
    names = [line[:width].rstrip() for line in lines]
    return [(len(name) - len(name.lstrip()), name.split()) for name in names]


def listed():
    """Return the paths of the tree."""
    paths, above = [], {}
    for indent, names in tree():
        above = {depth: path for depth, path in above.items() if depth < indent}
        parent = above[max(above)] if above else ROOT
        paths += [parent / name for name in names]
        above[indent] = parent / names[0]
    return paths


def test_tree_names_what_is_there():
    assert [path for path in listed() if not path.exists()] == []


def test_tree_names_every_folder_of_the_package_and_of_the_project():
    def folders(parent):
        found = [path for path in parent.iterdir() if path.is_dir()]
        return {path for path in found if re.match(r"[a-z]", path.name)}

    found = folders(ROOT / "bnteach")
    package = {path for path in found if (path / "__init__.py").exists()}
    project = {ROOT / name for name in ("book", "bnteach", "tests", "tools")}
    assert package | project <= set(listed())
