"""The wheel, in a folder of its own: what it brings, far from the repository."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*command, cwd, **variables):
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=environment | variables,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder of a fresh installation; packages it needs are those that test."""
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--no-deps", "--no-index", "--disable-pip-version-check", "-q"]
    build = ["wheel", "--no-build-isolation", *options, "-w", folder, ROOT]
    run("-m", "pip", *build, cwd=folder)
    (wheel,) = folder.glob("bnteach-*.whl")
    target = folder / "target"
    run("-m", "pip", "install", *options, "--target", target, wheel, cwd=folder)
    return wheel, target


def call(installed, tmp_path, *arguments):
    """Run the installed package's command line in an empty folder."""
    target = str(installed[1])
    return run("-m", "bnteach", *arguments, cwd=tmp_path, PYTHONPATH=target)


def test_import_finds_the_installed_package(installed, tmp_path):
    code = "import bnteach; print(bnteach.__file__)"
    path = run("-c", code, cwd=tmp_path, PYTHONPATH=str(installed[1])).strip()
    assert Path(path).is_relative_to(installed[1])


def test_the_wheel_brings_the_recorded_runs_and_nothing_of_the_repository(installed):
    with zipfile.ZipFile(installed[0]) as wheel:
        names = set(wheel.namelist())
    recorded = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "bnteach" / "runs" / "recorded").glob("*.json")
    }
    assert recorded
    assert recorded <= names
    assert {name.split("/")[0].split("-")[0] for name in names} == {"bnteach"}


def test_list_and_show_work_anywhere(installed, tmp_path):
    listed = call(installed, tmp_path, "list")
    (row,) = (line for line in listed.splitlines() if " tanh_digits " in line)
    assert row.count("tanh_digits") == 2  # the name, and the recorded run
    assert "TEST ACCURACY" in call(installed, tmp_path, "show", "tanh_digits")
    picture = tmp_path / "tanh_digits.png"
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_console_script_is_the_same_command_line(installed, tmp_path):
    (script,) = (installed[1] / "bin").glob("bnteach*")
    printed = run(script, "--version", cwd=tmp_path, PYTHONPATH=str(installed[1]))
    assert printed == call(installed, tmp_path, "--version")
