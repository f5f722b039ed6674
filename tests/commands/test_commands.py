import os
import signal
import subprocess
import sys
import time

import pytest

from bnteach import __main__ as command_line
from bnteach.runs import results

ENVIRONMENT = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "COLUMNS": "200"}


def call(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "bnteach", *arguments],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        timeout=120,
        **options,
    )


@pytest.fixture
def recorded(tmp_path):
    part = {
        "seed": 0,
        "step": [0, 10],
        "curves": {"val_accuracy": [0.1, 0.9]},
        "probes": {},
        "measured": {"test_accuracy": 0.875},
        "seconds": 1.0,
    }
    run = results.Run(
        name="demo",
        title="A demonstration",
        profile="full",
        settings={},
        dataset={"name": "mnist", "sha256": "", "note": ""},
        packages={},
        processor="a processor",
        date="2026-01-02",
        seconds=1.0,
        variants={"plain": [part]},
    )
    results.write(run, tmp_path)
    return tmp_path


def test_list_is_quick_and_names_the_experiments():
    started = time.perf_counter()
    done = call("list")
    assert time.perf_counter() - started < 5  # loads no framework
    assert done.returncode == 0, done.stderr
    assert "internal_covariate_shift" in done.stdout


def test_help_names_the_commands():
    done = call("--help")
    for command in ("list", "run", "show", "data"):
        assert command in done.stdout


def test_show_prints_a_table_and_draws_a_picture(recorded, capsys):
    picture = recorded / "demo.png"
    arguments = ["show", "demo", "--directory", str(recorded)]
    assert command_line.main([*arguments, "--picture", str(picture)]) == 0
    printed = capsys.readouterr().out
    assert "0.8750" in printed
    assert "mnist, full profile, 1 seed, 2026-01-02" in printed
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "internal_covariate_shit"], "Did you mean 'internal_covariate_shift'"),
        (["run", "internal_covariate_shift", "--seeds", "0"], "seeds=0"),
        (["show", "demmo"], "Did you mean 'demo'"),
    ],
)
def test_errors_say_what_to_do_without_a_traceback(
    arguments, message, recorded, capsys
):
    if arguments[0] == "show":
        arguments = [*arguments, "--directory", str(recorded)]
    assert command_line.main(arguments) == command_line.EXIT_ERROR
    assert message in capsys.readouterr().err


def test_data_lists_what_is_embedded():
    done = call("data")
    assert done.returncode == 0, done.stderr
    assert "mnist5k" in done.stdout
    assert "embedded" in done.stdout


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL or SIGINT to send")
@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGINT])
def test_a_stopped_run_goes_on(tmp_path, kind):
    arguments = ["run", "internal_covariate_shift", "--seeds", "1", "--out", "out"]
    command = [sys.executable, "-m", "bnteach", *arguments]
    folder = tmp_path / "out" / ".internal_covariate_shift-quick"
    environment = ENVIRONMENT | {"BNTEACH_PROFILE": "quick"}
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        # A shell starts background jobs deaf to Ctrl-C, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 100
    while not list(folder.glob("[a-z]*.npz")):
        assert process.poll() is None, "the run ended before it could be stopped"
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(kind)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    if kind == signal.SIGINT:
        assert process.returncode == command_line.EXIT_INTERRUPTED
        assert "the same command goes on" in printed
    assert not (tmp_path / "out" / "internal_covariate_shift.json").exists()
    # The state on disk is whole, and belongs to this run.
    from bnteach import experiments
    from bnteach.training.checkpoints import Checkpoint

    experiment = experiments.get("internal_covariate_shift")
    arguments = next(iter(experiment.variants.values()))
    (path,) = folder.glob("[a-z]*.npz")
    identity = {"batch_size": 60, "seed": 0, "record_every": 100}
    note = Checkpoint(path, experiment.build(arguments, 0), identity).restore()
    assert note["step"][-1] >= 0
    assert note["step"][-1] % 100 == 0
