"""Notebooks side by side: together, apart in their failures, stopped at once."""

import os
import signal
import subprocess
import sys
import time

import pytest
import side_by_side

# Ends only if the other notebook runs at the same time.
MEET = """\
import pathlib, time
pathlib.Path("{mine}").touch()
late = time.monotonic() + 60
while not pathlib.Path("{other}").exists():
    assert time.monotonic() < late, "the other notebook did not start"
    time.sleep(0.02)"""
SHOW_THREADS = "import os\nprint(os.environ['OMP_NUM_THREADS'])"
SLEEP = """\
import os, pathlib, time
pathlib.Path("part").write_text(str(os.getpid()))
pathlib.Path("part").rename("{pid}")
time.sleep(600)"""


def shown(notebook):
    cells = (cell for cell in notebook.cells if cell.outputs)
    return [cell.outputs[0].get("text") for cell in cells]


def run(paths, keep=None):
    """Run notebooks; return what was kept, by name, and the work."""
    kept = {}

    def remember(path, notebook, seconds):
        if keep:
            keep(path)
        kept[path.stem] = shown(notebook)
        return "kept"

    work = side_by_side.SideBySide(paths, remember)
    work.run()
    return kept, work


@pytest.fixture
def two_cores(monkeypatch):
    monkeypatch.setattr("plan.cores", lambda: 2)


@pytest.mark.usefixtures("two_cores")
def test_two_notebooks_run_at_the_same_time_and_share_the_cores(write, tmp_path):
    one = MEET.format(mine="one", other="two")
    two = MEET.format(mine="two", other="one")
    paths = [
        write(tmp_path / "one.ipynb", one, SHOW_THREADS),
        write(tmp_path / "two.ipynb", two, SHOW_THREADS),
    ]
    kept, work = run(paths)
    assert work.failures == []
    assert kept == {"one": ["1\n"], "two": ["1\n"]}


@pytest.mark.usefixtures("two_cores")
def test_notebook_alone_has_all_the_cores(write, tmp_path):
    kept, _ = run([write(tmp_path / "one.ipynb", SHOW_THREADS)])
    assert kept == {"one": ["2\n"]}


@pytest.mark.usefixtures("two_cores")
def test_failures_are_reported_and_the_others_kept(write, tmp_path, capsys):
    paths = [
        write(tmp_path / "raises.ipynb", "1 + 1", "1 / 0"),
        write(tmp_path / "dies.ipynb", "import os\nos._exit(3)"),
        write(tmp_path / "full.ipynb", "print('full')"),
        write(tmp_path / "good.ipynb", "print('good')"),
    ]

    def keep(path):
        if path.stem == "full":
            raise OSError(28, "no space left")

    kept, work = run(paths, keep)
    assert kept == {"good": ["good\n"]}
    assert work.done == 1
    report = "\n".join(work.failures)
    assert "raises.ipynb, cell 2 of 2 failed" in report
    assert "ZeroDivisionError: division by zero" in report
    assert "dies.ipynb, cell 1 of 1 failed (DeadKernelError)" in report
    assert "full.ipynb" in report
    assert "no space left" in report
    lines = sorted(capsys.readouterr().out.splitlines()[1:])
    assert lines == [
        "dies.ipynb: failed",
        "full.ipynb: failed",
        "good.ipynb: kept",
        "raises.ipynb: failed",
    ]


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_for(done, what):
    late = time.monotonic() + 60
    while not done():
        assert time.monotonic() < late, what
        time.sleep(0.02)


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to one process")
def test_ctrl_c_stops_all_kernels_and_keeps_what_was_finished(write, tmp_path):
    quick = write(tmp_path / "quick.ipynb", "print('done')" + "\n" * 5000)
    slow = [
        write(tmp_path / f"slow{number}.ipynb", SLEEP.format(pid=f"pid{number}"))
        for number in (1, 2)
    ]
    before = [path.read_bytes() for path in slow]
    program = (
        "import signal, sys, plan, side_by_side, notebooks, pathlib\n"
        # A shell that runs the tests in the background lets its children ignore it.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "plan.cores = lambda: 2\n"
        "side_by_side.SECONDS = pathlib.Path(sys.argv.pop(1))\n"
        "notebooks.main()"
    )
    seconds = tmp_path / "seconds.json"
    process = subprocess.Popen(
        [sys.executable, "-c", program, seconds, quick, *slow],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    pids = [tmp_path / "pid1", tmp_path / "pid2"]
    wait_for(lambda: all(path.exists() for path in pids), "the kernels did not start")
    kernels = [int(path.read_text()) for path in pids]
    assert all(map(is_alive, kernels))
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=30)
    assert time.monotonic() - start < 10
    assert process.returncode == 130
    assert "Stopped after 1 of 3 notebooks" in said
    assert "Traceback" not in said
    wait_for(lambda: not any(map(is_alive, kernels)), "a kernel is still there")
    assert '"execution_count": 1' in quick.read_text()
    assert [path.read_bytes() for path in slow] == before
