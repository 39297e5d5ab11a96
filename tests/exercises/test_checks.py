"""Every check is tested: it accepts several right answers, and gives each named wrong one its own message.

The answers stand in answers_MODULE.py, one table of right and one of wrong ones per module of exercises.
"""

import re

import pytest
from tables_of_answers import modules

from gancourse.exercises.checking import engine

MODULES = modules()
EXERCISES = {item.key: item for module, _ in MODULES for item in engine.exercises(module).values()}

right_answers = [
    pytest.param(engine.exercises(module)[name], answer, id=f"{name}-{number}")
    for module, answers in MODULES
    for name, given in answers.RIGHT.items()
    for number, answer in enumerate(given)
]
wrong_answers = [
    pytest.param(engine.exercises(module)[name], answer, fragment, id=f"{name}-{mistake}")
    for module, answers in MODULES
    for name, given in answers.WRONG.items()
    for mistake, (answer, fragment) in given.items()
]


@pytest.mark.parametrize(("exercise", "answer"), right_answers)
def test_right_answer_passes(exercise, answer):
    result = exercise.check(answer)
    assert result.status == "correct", result


@pytest.mark.parametrize(("exercise", "answer", "fragment"), wrong_answers)
def test_wrong_answer_gets_its_message(exercise, answer, fragment):
    result = exercise.check(answer)
    told = re.sub(" at `.*` with ", " at a line with ", result.message)  # the line may hold the fragment itself
    assert (result.status, fragment in told) == ("wrong", True), result


@pytest.mark.parametrize(("module", "answers"), MODULES, ids=[module.__name__ for module, _ in MODULES])
def test_the_tables_are_complete(module, answers):
    names = set(engine.exercises(module))
    for table in ("RIGHT", "WRONG"):
        assert set(getattr(answers, table)) == names, (
            f"{table} of {answers.__name__} has other names than the exercises"
        )
    few = [name for name in names if len(answers.RIGHT[name]) < 2 or len(answers.WRONG[name]) < 3]
    assert not few, f"give {', '.join(few)} two right answers or more, and three wrong ones or more"
    least = 6 if module.__name__.endswith("lesson01") else 5
    assert len(names) >= least, f"{len(names)} exercises, and a lesson has {least} or more"


@pytest.mark.parametrize("key", EXERCISES)
def test_reference_solution_stub_and_solution_cell(key):
    exercise = EXERCISES[key]
    assert exercise.check(exercise.reference() if exercise.value else exercise.reference).status == "correct"
    for code, status in ((exercise.stub, "not attempted"), (exercise.solution_code(), "correct")):
        cell: dict = {}
        exec(code, cell)
        assert exercise.check(cell[exercise.answer_name]).status == status, code


@pytest.mark.parametrize("key", EXERCISES)
def test_no_hint_but_the_last_gives_the_solution_away(key):
    exercise = EXERCISES[key]
    body = exercise.source.strip().splitlines()[-1].removeprefix("    return ").strip()
    assert len(set(exercise.hints)) == 3
    assert body not in exercise.hints[0]
    assert exercise.prompt.startswith(f"**Exercise: {exercise.title}** ({exercise.difficulty}, ")
