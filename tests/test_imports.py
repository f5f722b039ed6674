"""Who may import what: the layers of the package, and an instant `import bnteach`."""

import ast
import graphlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "bnteach"


def module_name(path):
    """Return the dotted name of a source file below bnteach: "", "models", "a.b"."""
    return (
        ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        .removesuffix("__init__")
        .rstrip(".")
    )


TEXTS = {module_name(path): path.read_text("utf-8") for path in PACKAGE.rglob("*.py")}
FRAMEWORKS = {"tensorflow", "keras", "jax", "torch"}
# Who stands above whom: a folder or module may import those to the right of it alone.
ORDER = [
    {"__main__", "commands"},
    {"exercises"},
    {"runs"},
    {"experiments"},
    {"deployment"},
    {"diagnostics"},
    {"training"},
    {"layers", "models", "datasets"},
    {"page_figures"},
    {"blocks"},
    {"initializers", "normalizations", "batch_norm", "files", "plotting"},
    {"rows", "moving_statistics", "interactive", "pictures"},
    {"checks", "palette"},
]
# The layer with its parts, and of the training the fast loop and the strategies.
ON_TENSORFLOW = {name for name in TEXTS if name.split(".")[0] == "layers"} | {
    "training.compiled_loop",
    "training.distribution",
    "training.workers",
}


def imported(text, whole=True):
    """Return the dotted names that a source imports; `whole`: in its functions too."""
    names, waiting = set(), [ast.parse(text)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "a relative import"
            # `from bnteach import files` imports the module bnteach.files
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        if whole or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting += ast.iter_child_nodes(node)
    return names


def tops(text):
    """Return the top-level packages that a source imports."""
    return {name.split(".")[0] for name in imported(text)}


def siblings(text, whole=True, modules=frozenset(TEXTS)):
    """Return the modules of bnteach that a source imports."""
    found = set()
    for name in imported(text, whole):
        parts = name.removeprefix("bnteach.").split(".") if "bnteach" in name else []
        starts = [".".join(parts[:end]) for end in range(len(parts), 0, -1)]
        found |= set([start for start in starts if start in modules][:1])
    return found


def test_imports_are_read_right():
    text = "import a.b\nfrom bnteach import c, x\nfrom bnteach.d.e import X\n"
    text += "def f():\n  from bnteach import g"
    modules = {"c", "d", "d.e", "g"}
    assert tops(text) == {"a", "bnteach"}
    assert siblings(text, True, modules) == {"c", "d.e", "g"}
    assert siblings(text, False, modules) == {"c", "d.e"}


def test_package_itself_imports_nothing():
    assert tops(TEXTS[""]) == set()


def test_batch_norm_needs_numpy_alone():
    for name in ("batch_norm", "rows", "moving_statistics", "checks"):
        outside = tops(TEXTS[name]) - set(sys.stdlib_module_names)
        assert outside - {"bnteach"} == {"numpy"}, name
    assert siblings(TEXTS["batch_norm"]) == {"rows", "moving_statistics", "checks"}


def test_plotting_takes_arrays():
    drawing = {"plotting", "interactive", "pictures", "palette"}
    for name in drawing:
        assert tops(TEXTS[name]) & FRAMEWORKS == set(), name
        assert siblings(TEXTS[name]) <= drawing, name


def test_tensorflow_is_imported_by_the_layer_the_loop_and_the_strategies_alone():
    users = {name for name, text in TEXTS.items() if "tensorflow" in tops(text)}
    assert users - ON_TENSORFLOW == set()


def test_no_module_names_another_framework_than_keras_and_tensorflow():
    users = {name for name, text in TEXTS.items() if tops(text) & {"jax", "torch"}}
    assert users == set()


def test_modules_on_keras_do_not_reach_tensorflow_when_they_are_imported():
    at_import = {name: siblings(text, False) for name, text in TEXTS.items()}

    def reached(name):
        seen, waiting = set(), [name]
        while waiting:
            new = at_import.get(waiting.pop(), set()) - seen
            seen |= new
            waiting += new
        return seen

    for name in TEXTS.keys() - ON_TENSORFLOW:
        assert reached(name) & ON_TENSORFLOW == set(), name


def level(name):
    """Return how far up a module of bnteach stands, 0 for the highest."""
    (found,) = (at for at, names in enumerate(ORDER) if name.split(".")[0] in names)
    return found


def test_imports_within_the_package_point_down():
    for name, text in TEXTS.items():
        for other in siblings(text):
            same = name.split(".")[0] == other.split(".")[0]
            if {name, other} & {""} or same or name == "__main__":
                continue
            assert level(name) < level(other), f"{name} imports {other}"


def test_imports_within_the_package_make_no_circle():
    # The face of a folder imports its modules, and they do not import their face.
    graph = {name: siblings(text, False) for name, text in TEXTS.items()}
    list(graphlib.TopologicalSorter(graph).static_order())  # raises on a circle


def test_package_does_not_import_the_book_the_tests_or_the_tools():
    own = {"book", "tests", "tools"}
    for folder in ("tests", "tools"):
        own |= {path.stem for path in (ROOT / folder).glob("*.py")}
    for name, text in TEXTS.items():
        assert tops(text) & own == set(), name


@pytest.fixture(scope="module")
def fresh_imports():
    """Seconds of `import bnteach` and what it loaded, in five new processes."""
    code = (
        "import json, sys, time\n"
        "before, start = set(sys.modules), time.perf_counter()\n"
        "import bnteach\n"
        "seconds = time.perf_counter() - start\n"
        "print(json.dumps([seconds, sorted(set(sys.modules) - before)]))"
    )
    run = [sys.executable, "-c", code]
    outputs = [subprocess.check_output(run, cwd=ROOT, text=True) for _ in range(5)]
    return [json.loads(output) for output in outputs]


def test_import_of_the_package_takes_less_than_a_fifth_of_a_second(fresh_imports):
    # The best of five: the others measure what else the machine was doing.
    assert min(seconds for seconds, _ in fresh_imports) < 0.2


def test_import_of_the_package_loads_no_framework(fresh_imports):
    for _, loaded in fresh_imports:
        assert not {name.split(".")[0] for name in loaded} & (
            FRAMEWORKS | {"matplotlib", "numpy", "altair"}
        )
