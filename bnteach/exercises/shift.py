"""The exercises "which-shift" and "gap-by-rate": a word, and what was recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bnteach.exercises import answers
from bnteach.exercises.exercise import Exercise
from bnteach.exercises.result import Result
from bnteach.exercises.value_answer import LettersAnswer, ValueAnswer

WHICH_SHIFT = Exercise(
    name="which-shift",
    question="Which of six changes are internal covariate shift?",
    chapter=1,
    minutes=4,
    difficulty="easy",
    stub="""internal = {...}  # your turn: letters such as "A"
check("which-shift", internal)
""",
    hints=(
        "Ask of each change what caused it: the data, the choice of the batch, or the "
        "weights below.",
        "Internal covariate shift would be seen on a fixed set of images, by comparing "
        "two steps of training.",
    ),
    answer=LettersAnswer(
        frozenset("BD"),
        {
            "A": "the images themselves changed, between training and use: that is "
            "covariate shift, without the word internal.",
            "C": "no weight has changed. Two batches differ by chance, as samples do.",
            "E": "two images give two values with any weights. The word means a change "
            "of the distribution over all images.",
            "F": "here the relation between image and label has changed, which both "
            "words leave out.",
        },
    ),
)


def gaps(run) -> dict[str, Any]:
    """Return the right gaps of a run, and those that slips give, by kind."""
    from bnteach.experiments.digit_learning_rates import RATES, variant

    def curves(network, name="val_accuracy"):
        return np.array([run.curve(variant(network, rate), name) for rate in RATES])

    bn, plain = curves("batch norm"), curves("plain")  # (rates, seeds, records)
    difference = bn - plain
    test = [
        np.mean(
            run.measured(variant("batch norm", rate), "test_accuracy")
            - run.measured(variant("plain", rate), "test_accuracy")
        )
        for rate in RATES
    ]
    return {
        "right": difference[..., -1].mean(axis=1),
        "other-sign": -difference[..., -1].mean(axis=1),
        "one-seed": difference[:, 0, -1],
        "percent": 100 * difference[..., -1].mean(axis=1),
        "all-records": difference.mean(axis=(1, 2)),
        "best-record": (bn.max(axis=2) - plain.max(axis=2)).mean(axis=1),
        "test-accuracy": np.array(test),
        "not-compared": bn[..., -1].mean(axis=1),
    }


SAID = {
    "other-sign": "The sign is the other way round: batch norm minus plain.",
    "one-seed": "These are the gaps of seed 0 alone: take the mean over all seeds.",
    "percent": "These are percentage points: give shares from 0 to 1.",
    "all-records": "You averaged over all records: take the last one.",
    "best-record": "You took the best record of each run: take the last one.",
    "test-accuracy": "These are the gaps in the test set: take the validation curves.",
    "not-compared": "These are the accuracies with batch normalization, not gaps.",
}


@dataclass(frozen=True)
class RecordedGaps:
    """Three gaps, read off the recorded run that comes with the package."""

    run: str

    def judge(self, answer: Any, rng: np.random.Generator) -> Result:
        """Compare with what the run holds; nothing is drawn."""
        if answers.is_placeholder(answer):
            return answers.not_attempted()
        from bnteach.runs import results

        found = gaps(results.read(self.run, results.RECORDED))
        slips = {kind: (found[kind], said) for kind, said in SAID.items()}
        return ValueAnswer(found["right"], 2e-3, slips).judge(answer, rng)


GAP_BY_RATE = Exercise(
    name="gap-by-rate",
    question="How far is batch norm ahead at three learning rates, by a recorded run?",
    chapter=1,
    minutes=10,
    difficulty="medium",
    stub="""from bnteach import runs

rates = runs.read("digit_learning_rates")
gaps = [
    ...,  # your turn: the mean gap at rate 0.1, at the last record
    ...,  # at rate 1
    ...,  # at rate 3
]
check("gap-by-rate", gaps)
""",
    hints=(
        "The variants are named in rates.variants, for example 'plain, rate 0.1'; "
        "rates.curve(variant, 'val_accuracy') has the shape (seeds, records).",
        "Take the last record of each seed, subtract plain from batch norm, and "
        "average over the seeds.",
    ),
    answer=RecordedGaps("digit_learning_rates"),
)
