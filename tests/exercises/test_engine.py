"""The machinery of the exercises: statuses, messages, hints, solutions, and how they are shown."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from gancourse.exercises import lesson02
from gancourse.exercises.checking import engine
from gancourse.exercises.checking.engine import Wrong, exercise


def make(check, value=False):
    def answer(x):
        return x + 1

    def fixed():
        return 3

    declare = exercise(
        title="T <1>",
        difficulty="easy",
        minutes=1,
        prompt="P",
        hints=("a", "b", "c"),
        check=check,
        value=value,
    )
    return declare(fixed if value else answer)


def plus_one(call):
    if call(1) != 2 or call(2) != 3:
        raise Wrong("not `x + 1`")
    return "Well."


def stub_with_docstring(x):
    """Doc."""
    ...


def stub_that_raises(x):
    raise NotImplementedError


def stub_of_two(x):
    return None, ...


@pytest.mark.parametrize(
    "stub", [None, ..., stub_with_docstring, stub_that_raises, stub_of_two, lambda x: None, lambda x: ...]
)
def test_stubs_are_not_attempted(stub):
    result = make(plus_one).check(stub)
    assert result.status == "not attempted"
    assert repr(result).startswith("Not attempted yet: T <1>\n")


def test_check_without_an_argument_is_not_attempted():
    assert make(plus_one).check().status == "not attempted"


@pytest.mark.parametrize("answer", [None, ..., [...], (None, None), {"a": ..., "b": None}])
def test_untouched_values_are_not_attempted(answer):
    assert make(lambda value: "Fine.", value=True).check(answer).status == "not attempted"


def test_a_forgotten_return_is_named():
    def forgot(x):
        x + 1

    def forgot_with_names(x):
        abs(x)

    assert make(plus_one).check(forgot_with_names).message.endswith("end it with a `return`.")
    assert make(plus_one).check(forgot).status == "not attempted"


def test_a_forgotten_branch_is_wrong():
    def half(x):
        if x == 1:
            return 2

    result = make(plus_one).check(half)
    assert result.status == "wrong"
    assert "returned None when called with 2" in result.message


def test_a_crash_is_reported_with_line_input_and_remedy():
    def crashes(x):
        y = x - x
        return x / y

    message = make(plus_one).check(crashes).message
    assert "at `return x / y` with ZeroDivisionError: division by zero" in message
    assert "called with 1." in message
    assert "Traceback" not in message


@pytest.mark.parametrize(
    ("function", "remedy"),
    [
        (lambda: 1, "Keep the arguments of the stub"),
        (lambda x: unknown, "Check the spelling"),  # type: ignore[name-defined]  # noqa: F821
        (lambda x: torch.log(x), "use torch's on tensors"),
        (lambda x: torch.ones(2) + torch.ones(3), "Print the shapes"),
        (lambda x: torch.ones(1).sum().backward(), "cut off from the weights"),
        (lambda x: torch.nn.Linear(1, 1).weight.normal_(), "changed in place by"),
        (lambda x: [][0], "a cell of its own"),
    ],
)
def test_remedies(function, remedy):
    result = make(plus_one).check(function)
    assert (result.status, remedy in result.message) == ("wrong", True), result


@pytest.mark.parametrize("answer", [object(), "text", {}, np.zeros(3), torch.zeros(2, 2), print, len, int])
def test_check_never_raises(answer):
    for item in engine.exercises(lesson02).values():
        assert item.check(answer).status in ("wrong", "not attempted")


def test_an_error_inside_a_check_does_not_stop_the_notebook():
    result = make(lambda value: value.no_such_attribute, value=True).check(3)
    assert result.status == "wrong"
    assert "could not make sense" in result.message


def test_an_interrupt_is_not_swallowed():
    def interrupted(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(plus_one).check(interrupted)


def test_messages_do_not_depend_on_addresses():
    result = make(plus_one).check(object())
    assert "0x" not in result.message


def test_the_random_state_is_left_alone_and_the_check_is_repeatable():
    seen = []

    def draws(call):
        seen.append(torch.rand(1).item())
        call(1)
        return "Fine."

    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    item = make(draws)
    item.check(lambda x: torch.rand(1))
    with torch.no_grad():
        item.check(lambda x: torch.rand(1))
        assert not torch.is_grad_enabled()
    assert seen[0] == seen[1]
    assert torch.equal(torch.rand(3), expected)


def test_hints_advance_and_stay_at_the_last():
    item = make(plus_one)
    shown = [repr(item.hint()) for _ in range(4)]
    assert shown[0] == "Hint 1 of 3: T <1>\na"
    assert [text.splitlines()[-1] for text in shown] == ["a", "b", "c", "c"]


def test_solution_is_the_references_code_without_decorator():
    text = repr(lesson02.scale_images.solution())
    assert text.splitlines()[1] == "def scale_images(pixels):"
    assert text.endswith("return pixels.float() / 127.5 - 1")
    assert "@exercise" not in text


def test_html_escapes_and_sets_code():
    def harmful(x):
        raise ValueError("<script>alert(1)</script>")

    shown = make(plus_one).check(harmful)._repr_html_()
    assert "<script>" not in shown
    assert "T &lt;1&gt;" in shown
    assert "<code>x + 1</code>" in make(plus_one).check(lambda x: x)._repr_html_()
    assert "<pre" in lesson02.scale_images.solution()._repr_html_()


def test_html_leaves_text_colour_and_background_to_the_theme():
    shown = [make(plus_one).check(answer)._repr_html_() for answer in (None, lambda x: x, lambda x: x + 1)]
    shown.append(lesson02.scale_images.solution()._repr_html_())
    for text in shown:
        assert "background: #" not in text
        assert "color: #" not in text.replace("border-left", "")


def test_results_are_kept_by_key():
    item = make(plus_one)
    item.check(lambda x: x + 1)
    assert engine.results[item.key] == "correct"
    item.check(None)
    assert engine.results[item.key] == "not attempted"


def test_declaration_is_checked():
    with pytest.raises(ValueError, match="2 hints: expected 3"):
        exercise(title="T", difficulty="easy", minutes=1, prompt="", hints=("a", "b"), check=plus_one)(plus_one)
    with pytest.raises(ValueError, match="difficulty is 'trivial'"):
        exercise(title="T", difficulty="trivial", minutes=1, prompt="", hints="abc", check=plus_one)(plus_one)  # type: ignore[arg-type]


@pytest.mark.slow  # imports torch in a process of its own
def test_no_jupyter_package_is_needed():
    code = (
        "import sys; sys.modules['IPython'] = sys.modules['ipywidgets'] = None\n"
        "from gancourse.exercises import lesson01 as ex\n"
        "print(ex.where_it_saturates.check('b').status)\n"
        "assert not {'matplotlib', 'ipywidgets.widgets'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "correct", done.stderr
