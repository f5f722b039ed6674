"""The playground's sources, and the one script that they are joined into."""

import playground
import pytest
from site_browser import Visitor

MODULES = sorted(playground.SOURCES.glob("*.js"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_modules_are_short_and_narrow(path):
    lines = path.read_text("utf-8").splitlines()
    assert len(lines) < 300
    assert [line for line in lines if len(line) > 100] == []


def test_every_module_is_joined_once():
    both = playground.joined("worker.js") + playground.joined("page.js")
    assert {path.name for path in MODULES if f"// {path.name}\n" not in both} == set()
    assert "import " not in playground.joined("worker.js").replace("* import ", "")


def test_a_name_that_two_modules_have_is_found(tmp_path):
    (tmp_path / "a.js").write_text('import { b } from "./b.js";\nconst same = 1;\n')
    (tmp_path / "b.js").write_text("export const b = 1;\nfunction same() {}\n")
    with pytest.raises(ValueError, match="twice: \\['same'\\]"):
        playground.joined("a.js", tmp_path)


@pytest.fixture(scope="module")
def opened(browser, tmp_path_factory):
    """A tab that opens a page with nothing but the script, as a file."""
    folder = tmp_path_factory.mktemp("script")
    playground.write_script(folder / "playground.js")
    (folder / "page.html").write_text(
        "<!doctype html><meta charset=utf-8><title>x</title>"
        '<script src="playground.js"></script>'
    )
    assert (folder / "playground.js").stat().st_size < 450_000
    return Visitor(browser, folder.as_uri() + "/")


def test_the_script_trains_from_a_file(opened):
    page = opened.go("page.html?depth=1&width=20&step=3")
    page.evaluate("playground.step(0)")
    read = page.evaluate("playground.read()")
    assert (read["step"], read["settings"]["width"]) == (3, 20)
    assert [len(read[n]["gradients"]) for n in "ab"] == [2, 2]
    before = read["b"]["loss"]
    page.evaluate("playground.step(40)")
    read = page.evaluate("playground.read()")
    assert (read["step"], read["a"]["overflowAt"]) == (43, None)
    assert read["b"]["loss"] < before
    assert read["b"]["accuracy"] > 0.2
    assert set(read["a"]) == {
        "loss",
        "accuracy",
        "accuracyByBatchStatistics",
        "overflowAt",
        "gradients",
        "spread",
    }
    assert opened.complaints == []
    assert opened.foreign() == []


def test_javascript_gives_what_wasm_gives(opened):
    def train(query):
        page = opened.go(f"page.html{query}")
        page.evaluate("playground.set({ width: 30 })")
        page.evaluate("playground.step(15)")
        return page.evaluate("playground.read()")

    wasm, javascript = train(""), train("?compute=javascript")
    for name in "ab":
        assert wasm[name]["accuracy"] == javascript[name]["accuracy"]
        assert wasm[name]["loss"] == pytest.approx(javascript[name]["loss"], rel=1e-5)
        near = pytest.approx(javascript[name]["gradients"], rel=1e-3)
        assert wasm[name]["gradients"] == near


def test_an_overflow_is_told(opened):
    page = opened.go("page.html")
    deep = {"depth": 8, "width": 60, "activation": "relu", "init": "he", "scale": 2}
    page.evaluate("(deep) => playground.set(deep)", {**deep, "lr": 0.05})
    page.evaluate("playground.step(12)")
    read = page.evaluate("playground.read()")
    assert 1 <= read["a"]["overflowAt"] <= 10
    assert read["b"]["overflowAt"] is None
    assert 0 <= read["a"]["accuracy"] <= 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"lr": "fast"}, "expected lr to be a number from 0 to 1000. Received: fast"),
        ({"depth": 2.5}, "expected depth to be a whole number from 1 to 20"),
        ({"a": "toString"}, "expected a to be one of none, before, after, layer"),
        ({"rate": 1}, "expected a setting among a, b, depth"),
    ],
)
def test_settings_that_do_not_fit_are_refused(opened, given, message):
    page = opened.go("page.html")
    told = page.evaluate(
        "(given) => playground.set(given).catch((error) => error.message)", given
    )
    assert message in told
