"""Who may import what: the layers of the package, and an instant `import bnteach`."""

import ast
import graphlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = {path.stem: path for path in (ROOT / "bnteach").glob("*.py")}
FRAMEWORKS = {"tensorflow", "keras", "jax", "torch"}
# The layer on TensorFlow with its parts, and the compiled loop; all else is Keras 3.
ON_TENSORFLOW = {"layers", "moments", "fused", "compiled_loop"}


def imported(tree, whole):
    """Return the dotted names that a module imports; `whole`: in its functions too."""
    names, waiting = set(), [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = "bnteach." * bool(node.level) + (node.module or "")
            base = base.rstrip(".")
            # `from bnteach import files` imports the module bnteach.files
            names |= {f"{base}.{alias.name}" for alias in node.names}
        if whole or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting += ast.iter_child_nodes(node)
    return names


def tops(text, whole=True):
    """Return the top-level packages that source `text` imports."""
    return {name.split(".")[0] for name in imported(ast.parse(text), whole)}


def siblings(text, whole=True):
    """Return the modules of bnteach that source `text` imports."""
    names = imported(ast.parse(text), whole)
    parts = (name.split(".") for name in names)
    return {part[1] for part in parts if part[0] == "bnteach" and len(part) > 1}


TEXTS = {name: path.read_text("utf-8") for name, path in SOURCES.items()}


def test_imports_are_read_right():
    text = "import a.b\nfrom bnteach import c\nfrom .d import e\ndef f():\n  import g"
    assert tops(text) == {"a", "bnteach", "g"}
    assert tops(text, whole=False) == {"a", "bnteach"}
    assert siblings(text) == {"c", "d"}


def test_package_itself_imports_nothing():
    assert tops(TEXTS["__init__"]) == set()


def test_batch_norm_needs_numpy_alone():
    outside = tops(TEXTS["batch_norm"]) - set(sys.stdlib_module_names)
    assert outside == {"numpy"}


def test_plotting_takes_arrays():
    assert tops(TEXTS["plotting"]) & (FRAMEWORKS | {"bnteach"}) == set()


def test_tensorflow_is_imported_by_the_layer_and_the_compiled_loop_alone():
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

    for name in SOURCES.keys() - ON_TENSORFLOW:
        assert reached(name) & ON_TENSORFLOW == set(), name


def test_imports_within_the_package_point_one_way():
    graph = {name: siblings(text) for name, text in TEXTS.items()}
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
