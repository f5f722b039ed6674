import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import demo_run
import pytest

from bnteach.runs import results
from bnteach.runs.parts import Parts, slug

SCRIPT = Path(demo_run.__file__)
NAMES = ["plain-seed-0", "bn-seed-0", "plain-seed-1", "bn-seed-1"]


@pytest.fixture
def parts(tmp_path):
    return Parts(tmp_path / ".demo-quick", {"steps": 10})


def test_a_part_is_claimed_once_and_given_back(parts):
    other = Parts(parts.folder, parts.identity)
    with parts.present(), other.present():
        with parts.claim("plain", 0) as ours, other.claim("plain", 0) as theirs:
            assert (ours, theirs) == (True, False)
            with other.claim("plain", 1) as theirs:
                assert theirs
        with other.claim("plain", 0) as theirs:
            assert theirs
    assert not parts.folder.exists()


def test_the_last_to_leave_removes_the_parts(parts):
    other, part = Parts(parts.folder, parts.identity), {"seed": 0}
    with parts.present():
        with other.present():
            other.save("plain", part)
            other.forget({"plain": [part]})
            assert parts.load("plain", 0) == part  # it is still needed here
        parts.forget({"plain": [part]})
        assert parts.load("plain", 0) is None
    assert not parts.folder.exists()


def test_parts_that_are_not_in_the_result_are_kept(parts):
    with parts.present():
        for seed in (0, 1):
            parts.save("plain", {"seed": seed})
        parts.forget({"plain": [{"seed": 0}]})
    assert [path.name for path in parts.folder.iterdir()] == ["plain-seed-1.json"]


def test_a_process_that_died_does_not_count(parts):
    with parts.present():
        (parts.folder / "process-of-the-dead.lock").touch()
        parts.save("plain", {"seed": 0})
        parts.forget({"plain": [{"seed": 0}]})
    assert not parts.folder.exists()


def test_damaged_parts_are_named_and_kept(parts):
    with parts.present():
        path = parts.folder / "plain-seed-0.json"
        path.write_text('{"part": {}')
        with pytest.raises(results.ResultsError, match=r"plain-seed-0\.json"):
            parts.load("plain", 0)
        assert path.exists()


def test_names_for_files():
    assert slug("ReLU + BN, rate 0.01", 3) == "relu-bn-rate-0.01-seed-3"


def start(folder, *arguments):
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), str(folder), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
    )


def finish(process):
    """Return the parts that a process ran; fail unless it ended well."""
    out, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    return [line.split()[1] for line in out.splitlines() if "finished" in line]


def weights(folder):
    variants = results.read("demo-quick", folder).variants
    return {name: [p["weights_sha256"] for p in variants[name]] for name in variants}


@pytest.fixture(scope="module")
def shared_run(tmp_path_factory):
    """Two processes in one folder, and what each of them ran."""
    folder = tmp_path_factory.mktemp("shared")
    processes = [start(folder, "0.5") for _ in range(2)]
    return folder, [finish(process) for process in processes]


@pytest.mark.slow
def test_two_processes_share_a_run(shared_run):
    folder, (one, two) = shared_run
    assert sorted(one + two) == sorted(NAMES)  # each part was run once
    assert [path.name for path in folder.iterdir()] == ["demo-quick.json"]
    hashes = weights(folder)
    assert len({h for several in hashes.values() for h in several}) == len(NAMES)


@pytest.mark.slow
def test_a_run_that_was_killed_ends_with_the_same_weights(shared_run, tmp_path):
    """The two processes above ran each of its parts without a break."""
    process = start(tmp_path)
    state = tmp_path / ".demo-quick" / "bn-seed-0.npz"
    deadline = time.monotonic() + 120
    while not state.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
    process.communicate()
    assert not (tmp_path / "demo-quick.json").exists()
    assert finish(start(tmp_path)) == NAMES[1:]
    assert weights(tmp_path) == weights(shared_run[0])
    assert [path.name for path in tmp_path.iterdir()] == ["demo-quick.json"]


FULL_DISK = """
import resource, signal, sys
from bnteach.runs import results
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # as on a full disk: only an error
results.write_json(sys.argv[1], {"a": 1})
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
results.write_json(sys.argv[1], {"a": list(range(10_000))})
"""


@pytest.mark.skipif(os.name != "posix", reason="Windows has no limit on file sizes")
def test_a_full_disk_is_named_and_breaks_nothing(tmp_path):
    path = tmp_path / "demo.json"
    command = [sys.executable, "-c", FULL_DISK, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert "no space left to write this file" in done.stderr
    assert "demo.json" in done.stderr
    assert json.loads(path.read_text()) == {"a": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == ["demo.json"]
