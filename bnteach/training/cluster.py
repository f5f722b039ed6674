"""What TF_CONFIG must say of the workers; read without loading a framework."""

from __future__ import annotations

import json

EXAMPLE = {
    "cluster": {"worker": ["10.0.0.1:12345", "10.0.0.2:12345"]},
    "task": {"type": "worker", "index": 0},
}


def check_cluster(text: str | None) -> None:
    """Check that TF_CONFIG names the workers, this one among them."""
    try:
        config = json.loads(text or "")
        kind, index = config["task"]["type"], config["task"]["index"]
        workers = config["cluster"][kind]
        known = kind in ("chief", "worker") and isinstance(workers, list)
        known = known and type(index) is int and 0 <= index < len(workers)
        known = known and all(
            _is_address(worker)
            for several in config["cluster"].values()
            for worker in several
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        known = False
    if not known:
        raise ValueError(
            "expected the environment variable TF_CONFIG to name the workers and "
            f"which of them this is, for example {json.dumps(EXAMPLE)}. "
            f"Received: {text!r:.500}"
        )


def leads(text: str) -> bool:
    """Tell whether TF_CONFIG makes this process the first worker, the chief."""
    config = json.loads(text)
    kind, index = config["task"]["type"], config["task"]["index"]
    return kind == "chief" or ("chief" not in config["cluster"] and index == 0)


def _is_address(worker: object) -> bool:
    host, _, port = worker.rpartition(":") if isinstance(worker, str) else ("", "", "")
    return bool(host) and port.isdecimal() and 0 < int(port) < 65536
