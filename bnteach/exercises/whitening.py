"""The exercise "whiten": mean 0, variance 1 and no correlation.

Many answers are right: whitened data can be turned any way and stay white. So an answer
is judged by what must hold for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bnteach.exercises import answers
from bnteach.exercises.exercise import Case, Exercise
from bnteach.exercises.result import Result

SHAPES = ((40, 2), (60, 3), (25, 4), (80, 5))
NEAR = 1e-4  # of a moment: an answer may compute in float32
SAID = {
    "not-a-number": "Some values are not finite.",
    "not-centred": "The means are not 0: subtract them first.",
    "standardized": "Each column has variance 1, and they are still correlated: that "
    "is standardization, what batch normalization does.",
    "rotated": "The columns are not correlated, and their variances are still those "
    "of the data: divide each by its standard deviation.",
    "divided-by-variance": "The columns are not correlated, and the larger variances "
    "have become the smaller ones: you divided by the variance, a root is missing.",
    "covariance-kept": "The data is multiplied by its covariance, or by a root of it, "
    "and not by the inverse: the large directions have grown.",
    "unbiased-variance": "The variances are (m - 1) / m: you divided by m - 1 in the "
    "covariance. The book divides by m.",
    "summed": "The variances are 1 / m: the covariance is a mean of products, not "
    "their sum.",
    "not-white": "The covariance of what comes back is not the identity.",
    "not-of-x": "The result is white, and it is not a linear map of the data that was "
    "handed in.",
}


@dataclass(frozen=True)
class WhiteningAnswer:
    """A function of data, shape (m, D), that returns it whitened, in any rotation."""

    def judge(self, answer: Any, rng: np.random.Generator) -> Result:
        """Return the first property that does not hold, on cases drawn from `rng`."""
        if answers.is_placeholder(answer):
            return answers.not_attempted()
        function = answers.callable_of(answer, ("x",))
        if isinstance(function, Result):
            return function
        for shape in SHAPES:
            x = drawn(rng, shape)
            white = _returned(function, x)
            if isinstance(white, Result):
                return white
            if kind := breach(x, white):
                return Result("property", kind, SAID[kind])
        return Result(
            "right",
            "",
            f"On {len(SHAPES)} drawn cases the means are 0, the variances 1 and the "
            "correlations 0.",
        )


def drawn(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Return correlated data off 0, whose variances differ."""
    columns = shape[1]
    turn, _ = np.linalg.qr(rng.normal(size=(columns, columns)))
    spread = np.linspace(0.4, 3, columns)
    return rng.normal(size=shape) * spread @ turn + rng.uniform(2, 5, columns)


def _returned(function, x: np.ndarray) -> np.ndarray | Result:
    outcome = answers.call(function, Case({"x": x}))
    if failure := outcome.failure():
        return failure
    try:
        white = answers.to_array(outcome.returned).astype(np.float64)
    except ValueError as error:
        return Result("shape", "type", f"{error}.")
    if white.shape != x.shape:
        received = answers.described(outcome.returned)
        text = f"expected the whitened data, shape {x.shape}. Received: {received}."
        return Result("shape", "shape", text)
    if outcome.changed:
        text = "The function changes x in place: work on a copy."
        return Result("property", "changed-input", text)
    return white


def breach(x: np.ndarray, white: np.ndarray) -> str:
    """Return the kind of what does not hold for whitened data; nothing if it is white.

    Args:
        x: what was handed in, shape (m, D).
        white: what came back, shape (m, D).
    """
    m, columns = x.shape
    if not np.isfinite(white).all():
        return "not-a-number"
    if np.abs(white.mean(axis=0)).max() > NEAR * max(float(white.std()), 1e-9):
        return "not-centred"
    covariance, identity = white.T @ white / m, np.eye(columns)
    if _near(covariance, identity):
        centred = x - x.mean(axis=0)
        fitted = centred @ np.linalg.lstsq(centred, white, rcond=None)[0]
        return "" if np.allclose(fitted, white, atol=10 * NEAR) else "not-of-x"
    for kind, factor in (("unbiased-variance", (m - 1) / m), ("summed", 1 / m)):
        if _near(covariance / factor, identity):
            return kind
    if _near(np.diag(covariance), np.ones(columns)):
        return "standardized"
    return _kind_of_spectrum(x, covariance)


def _kind_of_spectrum(x, covariance) -> str:
    """Name a mistake by the eigenvalues that it leaves, whatever turn was taken."""
    before = np.linalg.eigvalsh(np.cov(x.T, ddof=0))
    after = np.linalg.eigvalsh(covariance)
    for kind, expected in (
        ("rotated", before),
        ("divided-by-variance", np.sort(1 / before)),
        ("covariance-kept", before**2),
        ("covariance-kept", before**3),
    ):
        if np.allclose(after, expected, rtol=1e-4):
            return kind
    return "not-white"


def _near(found, expected) -> bool:
    return bool(np.abs(found - expected).max() < NEAR)


EXERCISE = Exercise(
    name="whiten",
    question="Whiten data: mean 0, variance 1, no correlation between the columns.",
    chapter=1,
    minutes=12,
    difficulty="hard",
    stub="""def whiten(x):
    ...  # your turn: x and what you return have the shape (m, D)


check("whiten", whiten)
""",
    hints=(
        "Centre first. The covariance is then centred.T @ centred / m, shape (D, D).",
        "np.linalg.eigh gives its eigenvalues and, as columns, directions that are not "
        "correlated: centred @ directions are the data seen along them.",
        "Along each direction the eigenvalue is the variance. What must be divided by "
        "what, to make it 1?",
    ),
    answer=WhiteningAnswer(),
)
