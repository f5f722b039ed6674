"""What holds for every command: pipes, packages that are not there, errors."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

import bnteach
from bnteach import __main__ as command_line
from bnteach.runs import results

SHOW = ("show", "tanh_digits", "--picture", "p.png")
COMMANDS = [("list",), ("data",), SHOW, ("--help",), ("--version",), ("run", "--help")]
POSIX = pytest.mark.skipif(os.name != "posix", reason="Windows has no such pipes")
ENVIRONMENT = os.environ | {
    "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))
}


def start(*arguments, **options):
    command = [sys.executable, "-m", "bnteach", *arguments]
    return subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, **options
    )


@POSIX
@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_reader_that_leaves_is_no_error(tmp_path, arguments):
    reading, writing = os.pipe()
    os.close(reading)  # before a byte is written
    process = start(*arguments, stdout=writing, cwd=tmp_path)
    os.close(writing)
    _, told = process.communicate(timeout=60)
    assert told == ""
    # Help is printed by argparse, which may not look whether it arrived.
    assert process.returncode in (0, 1, command_line.EXIT_PIPE)


@POSIX
def test_a_full_disk_behind_the_output_is_said_once(tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with open("/dev/full", "w") as full:
        process = start("list", stdout=full, cwd=tmp_path)
        _, told = process.communicate(timeout=60)
    assert process.returncode == command_line.EXIT_ERROR
    assert told.startswith("bnteach: ")
    assert os.strerror(errno.ENOSPC) in told
    assert told.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "package"),
    [
        (["list"], "rich"),
        (["run", "tanh_digits"], "rich"),
        (["data"], "platformdirs"),
        (["show", "tanh_digits"], "matplotlib"),
        (["list"], "tqdm"),
        (["--help"], "numpy"),
    ],
)
def test_a_package_that_is_not_there_is_named(tmp_path, arguments, package):
    code = f"import sys; sys.modules[{package!r}] = None\n"
    code += "from bnteach.__main__ import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=ENVIRONMENT | {"BNTEACH_CACHE_DIR": ""},
        timeout=60,
    )
    assert done.returncode == command_line.EXIT_ERROR
    assert done.stderr.startswith(f"bnteach: expected the package {package} ")
    assert done.stderr.endswith(f"Install it: python -m pip install {package}\n")
    assert done.stderr.count("\n") == 1


def test_version(capsys):
    with pytest.raises(SystemExit) as stopped:
        command_line.main(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out == f"bnteach {bnteach.__version__}\n"


def test_no_text_of_the_package_names_the_longer_way_to_call_it():
    for path in Path(bnteach.__file__).parent.rglob("*.py"):
        if path.name != "__main__.py":
            assert "python -m bnteach" not in path.read_text("utf-8"), path


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (KeyError("seconds"), "expected an entry 'seconds'. Received: none"),
        (
            results.UnknownNameError("expected a. Received: b"),
            "expected a. Received: b",
        ),
        (MemoryError(), "expected enough memory"),
        (ModuleNotFoundError("no", name="PIL.Image"), "pip install pillow"),
        (ValueError(), "ValueError"),
        (ValueError("\x1b[31mred\r\n\x07two"), "?[31mred\n?two"),
    ],
)
def test_errors_are_told_in_words(error, text, monkeypatch, capsys):
    def fail(parsed):
        raise error

    monkeypatch.setattr("bnteach.commands.list.main", fail)
    assert command_line.main(["list"]) == command_line.EXIT_ERROR
    told = capsys.readouterr().err
    assert told.startswith("bnteach: ")
    assert text in told


@pytest.mark.parametrize(
    ("variable", "arguments"),
    [
        ("BNTEACH_DATA_DIR", ["data", "fetch", "mnist"]),
        ("BNTEACH_CACHE_DIR", ["data", "fetch", "mnist"]),
        ("BNTEACH_RESULTS_DIR", ["list"]),
        ("BNTEACH_RESULTS_DIR", ["show", "tanh_digits"]),
        ("KERAS_HOME", ["data", "export", "{folder}", "mnist"]),
    ],
)
def test_home_of_nobody_in_a_variable(
    variable, arguments, monkeypatch, capsys, tmp_path
):
    for name in ("BNTEACH_DATA_DIR", "BNTEACH_CACHE_DIR"):
        monkeypatch.setenv(name, "" if name.endswith("DATA_DIR") else str(tmp_path))
    monkeypatch.setenv(variable, "~nosuchuser/x")
    arguments = [argument.format(folder=tmp_path) for argument in arguments]
    assert command_line.main(arguments) == command_line.EXIT_ERROR
    told = capsys.readouterr().err
    assert f"expected {variable} to be a path. Received: '~nosuchuser/x'" in told
    assert told.count("\n") == 1


def test_data_shows_any_name_of_a_folder(monkeypatch, capsys, tmp_path):
    folder = tmp_path / "[/red]:smile:"
    folder.mkdir(parents=True)
    (folder / "mnist.npz").write_text("no data")
    monkeypatch.setenv("BNTEACH_DATA_DIR", str(folder))
    assert command_line.main(["data"]) == 0
    assert "[/red]:smile:" in "".join(capsys.readouterr().out.split())
    monkeypatch.setenv("BNTEACH_DATA_DIR", "~nosuchuser/x")
    assert command_line.main(["data"]) == 0
    assert "~nosuchuser/x" in capsys.readouterr().out
