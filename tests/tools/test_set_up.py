"""`make setup` after whatever befell the last one: the same command mends it.

The packages are two small ones made here; Make, Python and pip are the real ones.
"""

import base64
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
resource = pytest.importorskip("resource", reason="Windows is set up without make")
pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="there is no make")
# A build backend that makes an editable bnteach, under the name of the real one.
BACKEND = """\
import pathlib, zipfile
def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "bnteach-1.0-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder) / name, "w") as wheel:
        for path, text in FILES.items():
            wheel.writestr(path, text)
    return name
FILES = {files!r}
"""
# Python, but for an environment without pip, which takes a tenth of the time.
PYTHON = """\
#!/bin/sh
case "$*" in *venv*) set -- "$@" --without-pip ;; esac
exec {python} "$@"
"""
# Does what uv does for the set-up: puts a package into .venv, and maybe dies of it.
UV = """\
import os, pathlib, signal, sys
if "sync" in sys.argv:
    (folder,) = pathlib.Path(".venv/lib").glob("python*/site-packages")
    target = folder / "hatchling"
    target.mkdir(exist_ok=True)
    (target / "__init__.py").write_text("")
    if os.environ.get("DIES"):
        (target / "build.py").write_text("half = (")
        os.killpg(0, signal.SIGKILL)
    if not (target / "build.py").exists():
        (target / "build.py").write_text("whole = True")
"""


def wheel_files(name, modules):
    """Return the files of a wheel, by path."""
    info = f"{name}-1.0.dist-info"
    files = {
        **modules,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nTag: py3-none-any\n",
    }
    lines = []
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
        lines.append(f"{path},sha256={digest.decode().rstrip('=')},{len(text)}")
    return {**files, f"{info}/RECORD": "\n".join(lines) + f"\n{info}/RECORD,,\n"}


@pytest.fixture
def project(tmp_path):
    """A project with this Makefile, and a lock of one package."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    backend = BACKEND.format(files=wheel_files("bnteach", {"bnteach.py": ""}))
    modules = {"hatchling/__init__.py": "", "hatchling/build.py": backend}
    wheel = tmp_path / "hatchling-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in wheel_files("hatchling", modules).items():
            archive.writestr(path, text)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    locked = f"./{wheel.name} --hash=sha256:{digest}\n"
    (tmp_path / "requirements.txt").write_text(locked)
    (tmp_path / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "hatchling.build"\n'
    )
    (tmp_path / "uv.py").write_text(UV)
    (tmp_path / "python").write_text(PYTHON.format(python=sys.executable))
    (tmp_path / "python").chmod(0o755)
    return tmp_path


def make(project, target, uv=True, **options):
    """Run `make TARGET`; with `uv` the small stand-in for uv, else pip."""
    python = project / "python" if uv else sys.executable
    tool = f"{sys.executable} uv.py" if uv else ""
    environment = {**os.environ, "PYTHONPATH": "", **options.pop("env", {})}
    return subprocess.run(
        ["make", target, f"PYTHON={python}", f"UV={tool}"],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        start_new_session=True,
        timeout=300,
        **options,
    )


def package(project):
    (found,) = project.glob(".venv/lib/python*/site-packages/hatchling/build.py")
    return found


def assert_mended(project, **options):
    """The same command makes the environment whole, and then has nothing to do."""
    done = make(project, "setup", **options)
    assert done.returncode == 0, done.stderr
    python = project / ".venv/bin/python"
    code = "import hatchling.build"
    subprocess.run([python, "-c", code], check=True, env={"PATH": os.environ["PATH"]})
    assert "Setting up" not in make(project, "setup", **options).stdout


def test_new_clone_is_set_up_once(project):
    assert_mended(project)


def test_killed_in_the_middle_of_the_install(project):
    killed = make(project, "setup", env={"DIES": "yes"})
    assert killed.returncode == -signal.SIGKILL
    assert package(project).read_text() == "half = ("
    assert_mended(project)


def test_killed_while_a_new_lock_was_installed(project):
    assert_mended(project)
    (project / "requirements.txt").touch()
    os.utime(project / ".venv/.ready", (0, 0))
    make(project, "setup", env={"DIES": "yes"})
    # As after a checkout of the old lock, whose time may lie before the install.
    os.utime(project / "requirements.txt", (0, 0))
    os.utime(project / "pyproject.toml", (0, 0))
    assert_mended(project)


def test_new_lock_is_installed_into_what_is_there(project):
    assert_mended(project)
    kept = project / ".venv/kept"
    kept.touch()
    os.utime(project / ".venv/.ready", (0, 0))
    assert_mended(project)
    assert kept.exists()


def test_python_that_vanished(project):
    assert_mended(project)
    python = project / ".venv/bin/python"
    for name in project.glob(".venv/bin/python*"):
        name.unlink()
    python.symlink_to("/nowhere/bin/python3")
    assert_mended(project)


def test_python_that_became_another_version(project):
    assert_mended(project)
    (lib,) = project.glob(".venv/lib/python*")
    lib.rename(lib.with_name("python3.1"))  # where its successor does not look
    assert_mended(project)


@pytest.mark.slow
def test_disk_that_was_full_before_pip_was_there(project):
    def little_space():
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))

    failed = make(project, "setup", uv=False, preexec_fn=little_space)
    assert failed.returncode != 0
    # A kill in the midst of `python -m venv` leaves the same: Python without pip.
    assert (project / ".venv/bin/python").exists()
    assert_mended(project, uv=False)


def test_clean_all_removes_the_environment(project):
    assert_mended(project)
    (project / "_build").mkdir()
    assert make(project, "clean").returncode == 0
    assert (project / ".venv").exists()
    assert not (project / "_build").exists()
    assert make(project, "clean-all").returncode == 0
    assert not (project / ".venv").exists()


def test_help_names_every_target_for_people(project):
    shown = make(project, "help").stdout
    for target in ("setup", "book", "test", "clean", "clean-all"):
        assert f"make {target} " in shown
