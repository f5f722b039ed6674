"""Examine, recalibrate and fold with Keras on JAX, on a machine without TensorFlow."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_the_tools_need_no_tensorflow(tmp_path):
    program = Path(__file__).with_name("jax_tools.py")
    done = subprocess.run(
        [sys.executable, program, tmp_path / "report.json"],
        env=os.environ | {"KERAS_BACKEND": "jax"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert report["backend"] == "jax"
    assert not report["tensorflow"]
    assert report["codes"] == {"healthy": [], "planted": ["statistics-mismatch"]}
    assert report["mended"] == []
    assert report["same"]
    assert report["accuracy"]["after"] > report["accuracy"]["before"] + 0.3
    assert report["folded"] == 2
    assert report["difference"] < 1e-5
