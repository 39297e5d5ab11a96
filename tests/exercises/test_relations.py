"""How a wrong number is related to the right one, and what a wrong term makes of a loss."""

import math

import pytest
import torch

from gancourse.exercises.checking.engine import Wrong
from gancourse.exercises.checking.judging import judge
from gancourse.exercises.checking.relations import one_term, relation

RIGHT = torch.tensor([0.4, 1.7, 3.1], dtype=torch.float64)


@pytest.mark.parametrize("right", [RIGHT, RIGHT[:1]])
@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        (lambda x: -x, "but for the sign"),
        (lambda x: 2 * x, "twice what is right"),
        (lambda x: x / 2, "half of what is right"),
        (lambda x: x / math.log(2), "in bits"),
        (lambda x: x / math.log(10), "to the base 10"),
        (lambda x: 1 / x, "upside down"),
        (lambda x: x.log(), "the logarithm of what is right"),
        (lambda x: x.exp(), "exp of what is right"),
        (lambda x: x.sqrt(), "the root of what is right"),
        (lambda x: x.square(), "the square of what is right"),
    ],
)
def test_the_relation_is_named(right, mistake, words):
    assert words in relation(mistake(right), right)


def test_a_constant_is_believed_where_several_numbers_have_it():
    assert relation(RIGHT + 1, RIGHT) == "It is always 1 too much: a constant is missing, or one too many."
    assert relation(RIGHT - 0.25, RIGHT).startswith("It is always 0.25 too little")
    assert "always 3 times" in relation(3 * RIGHT, RIGHT)
    assert relation(RIGHT[:1] + 1, RIGHT[:1]) == relation(3 * RIGHT[:1], RIGHT[:1]) == ""
    alike = torch.full((4,), 0.7, dtype=torch.float64)
    assert relation(alike + 1, alike) == relation(3 * alike, alike) == ""


@pytest.mark.parametrize(
    ("value", "right"),
    [
        (RIGHT, RIGHT),
        (RIGHT.flip(0), RIGHT),
        (RIGHT * torch.tensor([2.0, 2.0, 2.1]), RIGHT),
        (torch.tensor([math.nan, 1.0, 1.0]).double(), RIGHT),
        (torch.full((3,), math.inf).double(), RIGHT),
        (torch.zeros(3).double(), torch.zeros(3).double()),
        (RIGHT, torch.zeros(3).double()),
        (torch.zeros(3).double(), RIGHT),
    ],
)
def test_what_is_not_related_is_not_said_to_be(value, right):
    assert relation(value, right) == ""


def test_judge_says_the_relation_beside_the_numbers():
    with pytest.raises(Wrong, match=r"^For b it gives -2, and 2 is right. It is right but for the sign. Look again.$"):
        judge(torch.tensor([0.0, -2.0]), torch.tensor([0.0, 2.0]), [], ["a", "b"], "Look again.")


def test_judge_calls_an_answer_close_where_all_of_it_is():
    right = torch.tensor([0.001, 5.0, 7.0]).double()
    with pytest.raises(Wrong, match=r"^For b it gives 9, and 5 is right.$"):
        judge(torch.tensor([0.0011, 9.0, 7.0]).double(), right, [], "abc")
    with pytest.raises(Wrong, match=r"^For a it gives 0.0011, .* close"):
        judge(torch.tensor([0.0011, 5.01, 7.0]).double(), right, [], "abc")


def test_one_wrong_term_of_a_loss_is_named():
    real, fake = torch.tensor([1.0, 2.0, 4.0]), torch.tensor([0.5, 0.25])
    told = list(one_term({"real half": real, "fake half": fake}, {"fake half": [(torch.tensor(9.0), "nine")]}))

    def message(loss):
        return [words for number, words in told if math.isclose(number, loss, rel_tol=1e-6)]

    assert message(7 + 0.375) == ["The real half is summed over the batch: take the mean there as well."]
    assert message(7 / 3 + 0.75) == ["The fake half is summed over the batch: take the mean there as well."]
    assert message(7 / 3 - 0.375) == ["The fake half has the wrong sign: the terms add up."]
    assert message(7 / 3 + 9) == ["nine"]
    assert message(7 / 3 + 0.375) == []
