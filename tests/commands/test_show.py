"""`bnteach show`, on runs that may come from anywhere."""

import json
from pathlib import Path

import pytest
from recorded_runs import part, run

from bnteach import __main__ as command_line


@pytest.fixture
def show(tmp_path, monkeypatch, capsys):
    """Return a function that shows a run and returns status, output and errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "there").mkdir()

    def call(fields, *options):
        (tmp_path / "there" / "demo.json").write_text(json.dumps(fields))
        arguments = ["show", "demo", "--directory", "there", *options]
        status = command_line.main(arguments)
        return status, *capsys.readouterr()

    return call


NAMES = ["[/red]", "[bold]x[/bold]", ":smile:", "$\\frac$", "a\tb", "", "_x", "é" * 300]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", NAMES)
def test_names_are_printed_and_drawn_as_they_are(show, name):
    fields = run(**{name: [part(measured={f"m{name}": 0.5})]})
    fields |= {"title": name, "processor": name, "date": name}
    fields["dataset"] |= {"name": name, "note": name}
    status, out, err = show(fields)
    assert (status, err) == (0, "")
    shown = name.replace("\t", "\\t")
    assert out.startswith(f"{shown}\n")
    assert shown[:20] in out.split("VARIANT")[1]
    assert Path("demo.png").read_bytes().startswith(b"\x89PNG")


def test_no_name_moves_or_colours_the_terminal(show):
    name = "\x1b[2J\x1b[31m\r\n\udc80"
    fields = run(**{name: [part()]}) | {"title": name}
    status, out, err = show(fields)
    assert (status, err) == (0, "")
    assert not set("\x1b\r\udc80") & set(out)
    status, out, err = show(fields | {"date": {name: 1}})
    assert status == 2
    assert not set("\x1b\r\udc80") & set(err)


def test_a_variant_that_diverged_hides_no_column(show):
    lost = part(measured={"test_accuracy": None, "test_loss": None})
    half = [
        part(seed, measured={"test_accuracy": v}) for seed, v in enumerate([1, None])
    ]
    fields = run(lost=[lost], good=[part()], half=half, other=[part(measured={})])
    status, out, err = show(fields)
    assert (status, err) == (0, "")
    rows = {line.split()[0]: line for line in out.splitlines() if line.strip()}
    assert "TEST ACCURACY" in rows["VARIANT"]
    assert "diverged" in rows["lost"]
    assert "0.8750 (0.8750-0.8750)" in rows["good"]
    assert "1.0000 (1.0000-1.0000), 1 of 2 diverged" in rows["half"]


def test_measurements_that_are_no_numbers_have_no_column(show):
    measured = {"histogram": [1, 2], "word": "x", "test_accuracy": 0.5}
    _, out, _ = show(run(plain=[part(measured=measured)]))
    assert "TEST ACCURACY" in out
    assert not {"HISTOGRAM", "WORD"} & set(out.split())


def test_without_an_accuracy_another_curve_is_drawn_or_none(show):
    status, out, _ = show(run(plain=[part(curves={"loss": [1, 2]})]))
    assert (status, "Picture: demo.png" in out) == (0, True)
    Path("demo.png").unlink()
    several = {"a": [part(curves={"loss": [1, 2]})], "b": [part(curves={})]}
    status, out, _ = show(run(**several))
    assert (status, "No picture" in out) == (0, True)
    assert not Path("demo.png").exists()


@pytest.mark.parametrize(
    ("asked", "written"),
    [
        ("p", "p.png"),
        ("p.svg", "p.svg"),
        ("new/p.pdf", "new/p.pdf"),
        ("there", "there/demo.png"),
        ("v1.2/p", "v1.2/p.png"),
    ],
)
def test_the_picture_is_where_it_is_said_to_be(show, asked, written):
    status, out, _ = show(run(), "--picture", asked)
    assert status == 0
    assert f"Picture: {written}\n" in out
    assert Path(written).stat().st_size > 1000


@pytest.mark.parametrize("asked", ["p.xyz", "~nosuchuser/p.png"])
def test_a_picture_that_cannot_be_is_said_before_anything_is_printed(show, asked):
    status, out, err = show(run(), "--picture", asked)
    assert (status, out) == (2, "")
    assert "--picture" in err
    assert asked in err


def test_a_run_is_found_where_run_wrote_it(show, capsys, monkeypatch):
    monkeypatch.delenv("BNTEACH_RESULTS_DIR", raising=False)
    show(run())
    Path("there").rename("runs")
    assert command_line.main(["show", "demo"]) == 0
    assert command_line.main(["list"]) == 0
    assert "tanh_digits" in capsys.readouterr().out
    assert command_line.main(["show", "nope"]) == 2
    told = capsys.readouterr().err
    assert "bnteach run" not in told
    assert "bnteach list" in told
