"""What a recorded run and its parts must look like, whoever wrote the file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NUMBER = (int, float)
_RUN = {
    "name": str,
    "title": str,
    "profile": str,
    "settings": dict,
    "dataset": dict,
    "packages": dict,
    "processor": str,
    "date": str,
    "seconds": NUMBER,
    "variants": dict,
}
_PART = {
    "seed": int,
    "step": list,
    "curves": dict,
    "probes": dict,
    "measured": dict,
    "seconds": NUMBER,
}
_WORDS = {str: "a text", dict: "an object", list: "a list", int: "a whole number"}


def check_run(fields: Mapping[str, Any]) -> None:
    """Check what `results.Run` is made of.

    Raises:
        ValueError: a field is missing, empty or of another type.
    """
    _check_fields(fields, _RUN, "a run")
    _check("the name of the data set", fields["dataset"].get("name"), str)
    _check("the note of the data set", fields["dataset"].get("note") or "", str)
    if not fields["variants"]:
        raise ValueError("expected at least one variant. Received: none")
    for variant, parts in fields["variants"].items():
        _check(f"the parts of {variant!r}", parts, list)
        if not parts:
            raise ValueError(f"expected a part of {variant!r}. Received: none")
        for part in parts:
            check_part(part)


def check_part(part: Any, whole: bool = True) -> None:
    """Check one part: one variant with one seed.

    Args:
        part: from a file.
        whole: whether all fields must be there.

    Raises:
        ValueError: a field is missing, or of another type.
    """
    _check("a part", part, dict)
    wanted = {key: kind for key, kind in _PART.items() if whole or key in part}
    _check_fields(part, wanted, "a part")
    steps = part.get("step", [])
    for step in steps:
        _check("a step", step, int)
    for name, curve in part.get("curves", {}).items():
        _check(f"the curve {name!r}", curve, list)
        if len(curve) != len(steps):
            raise ValueError(
                f"expected {len(steps)} records in the curve {name!r}, one a step. "
                f"Received: {len(curve)}"
            )
        for value in curve:
            if value is not None:
                _check(f"a record of the curve {name!r}", value, NUMBER)


def _check_fields(fields: Mapping[str, Any], wanted: Mapping, of: str) -> None:
    if missing := [key for key in wanted if key not in fields]:
        raise ValueError(
            f"expected {of} with the fields {', '.join(wanted)}. "
            f"Received: none of the name {', '.join(missing)}"
        )
    for key, kind in wanted.items():
        _check(f"the field {key}", fields[key], kind)


def _check(what: str, value: Any, kind: type | tuple) -> None:
    if not isinstance(value, kind) or isinstance(value, bool):
        word = _WORDS.get(kind, "a number")
        raise ValueError(f"expected {what} to be {word}. Received: {value!r:.100}")
