"""What is recorded while a model trains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from bnteach.training.evaluation import evaluate


@dataclass
class History:
    """What was recorded while a model trained.

    Attributes:
        step: training steps done at each record; the first is 0, before training.
        curves: name -> one number a record. "loss" and "accuracy" are means over the
            steps since the record before, in training mode, and None at step 0;
            "val_loss" and "val_accuracy" are measured at the record, in inference
            mode.
        probes: name -> one value a record, as the probes returned it.
        elapsed: seconds of training up to each record, over all sittings; what was
            measured in between does not count.
        seconds: wall-clock time of everything, over all sittings.
    """

    step: list[int] = field(default_factory=list)
    elapsed: list[float] = field(default_factory=list)
    curves: dict[str, list[float | None]] = field(default_factory=dict)
    probes: dict[str, list[Any]] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def final(self) -> dict[str, float]:
        """The last number of each curve."""
        return {name: values[-1] for name, values in self.curves.items()}

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists and numbers, fit for JSON."""
        return asdict(self)

    @classmethod
    def restored(cls, note: Mapping[str, Any]) -> History:
        """Return the history that `to_dict` wrote, perhaps long ago.

        Raises:
            ValueError: it is something else.
        """
        try:
            history = cls(**note)
            columns = [history.elapsed, *history.curves.values()]
            columns += history.probes.values()
            right = {int} == set(map(type, history.step))
            right = right and {len(history.step)} == set(map(len, columns))
            right = right and isinstance(sum(history.elapsed), int | float)
            right = right and isinstance(history.seconds + 0, int | float)
        except (TypeError, AttributeError):
            right = False
        if not right:
            raise ValueError(
                "expected the records of a training run in its checkpoint. Received: "
                f"{note!s:.200}. Remove the file to start anew."
            )
        return history


def record(history: History, model, data, step: int, probes, metrics) -> None:
    """Append one record; `metrics` None, before training, is a gap in its curve."""
    row = {}
    if getattr(data, "x_validation", None) is not None and len(data.x_validation):
        measured = evaluate(model, data.x_validation, data.y_validation)
        row = {f"val_{name}": value for name, value in measured.items()}
    if metrics is None:
        metrics = dict.fromkeys(evaluate(model, data.x_train[:1], data.y_train[:1]))
    history.step.append(step)
    for name, value in {**metrics, **row}.items():
        history.curves.setdefault(name, []).append(value)
    for probe in probes:
        for name, value in probe(model, step).items():
            history.probes.setdefault(name, []).append(value)
