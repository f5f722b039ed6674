"""In which order notebooks start, and how the cores are shared among them."""

import json
import os

from bnteach.files import atomic_path

AT_MOST = 4  # more kernels at once want more memory than a laptop has


def cores():
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def shares(count, available=None):
    """Return (kernels at once, threads for each) for `count` notebooks."""
    available = available or cores()
    jobs = max(1, min(count, available, AT_MOST))
    return jobs, max(1, available // jobs)


def longest_first(paths, seconds):
    """Sort notebooks so that the longest start first.

    Args:
        paths: the notebooks.
        seconds: by name of a notebook, what it took the last time. One that is not
            there is put by its size, at the pace of those that are: a notebook with
            many stored pictures is one that computes for long.
    """
    known = [path for path in paths if path.name in seconds]
    size = sum(path.stat().st_size for path in known)
    pace = sum(seconds[path.name] for path in known) / size if size else 1

    def estimate(path):
        return seconds.get(path.name, path.stat().st_size * pace)

    return sorted(paths, key=lambda path: (-estimate(path), path.name))


def read_seconds(file):
    """Return the seconds that notebooks took, by name; {} where none are known."""
    try:
        seconds = json.loads(file.read_text())
        return {str(name): float(value) for name, value in seconds.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def note_seconds(file, name, seconds):
    """Note in `file` what one notebook took."""
    known = {**read_seconds(file), name: round(seconds, 1)}
    with atomic_path(file) as part:
        part.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")
