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
        known = known and 0 <= index < len(workers)
    except (ValueError, KeyError, TypeError):
        known = False
    if not known:
        raise ValueError(
            "expected the environment variable TF_CONFIG to name the workers and "
            f"which of them this is, for example {json.dumps(EXAMPLE)}. "
            f"Received: {text!r}"
        )
