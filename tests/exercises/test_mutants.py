"""Each wrong answer gets the message of its own kind, and no stub or answer leaks."""

import inspect

import pytest

from bnteach import exercises
from bnteach.exercises import mutants


def name(mutant):
    return f"{mutant.exercise}-{mutant.answer.__name__}"


@pytest.mark.parametrize("mutant", mutants.MUTANTS, ids=name)
def test_mutant_gets_the_message_of_its_kind(mutant):
    answer = mutant.answer
    if not inspect.isclass(answer) and not inspect.signature(answer).parameters:
        answer = answer()
    # Three checks, since each draws other numbers.
    for _ in range(3):
        result = exercises.check(mutant.exercise, answer)
        assert (result.status, result.kind) == (mutant.status, mutant.kind), (
            result.message
        )


def test_there_are_enough_of_them():
    assert len(mutants.MUTANTS) >= 30
    assert {m.exercise for m in mutants.MUTANTS} <= set(exercises.EXERCISES)
