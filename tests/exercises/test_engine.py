"""The machinery of the exercises: statuses, messages, hints, solutions, and how they are shown."""

import math
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from tables_of_answers import modules

from gancourse.exercises import lesson01, lesson02
from gancourse.exercises.checking import crashes, engine, guard
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


def forgot(x):
    x + 1


def forgot_with_names(x):
    abs(x)


def printed(x):
    """A docstring."""
    print(x + 1)


@pytest.mark.parametrize("answer", [forgot, forgot_with_names, printed])
def test_a_forgotten_return_is_named(answer):
    result = make(plus_one).check(answer)
    assert result.status == "wrong" and "returned None: end it with a `return`" in result.message


@pytest.mark.parametrize("answer", [lambda x: x, lambda x: "text", lambda x: 1])
def test_what_returns_something_is_no_stub(answer):
    assert not engine.is_stub(answer) and make(plus_one).check(answer).status != "not attempted"


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
        (lambda x: F.relu(x), "write `import torch.nn.functional as F` above"),  # type: ignore[name-defined]  # noqa: F821
        (lambda x: torch.ones(2, requires_grad=True).backward(), "take the mean, or the sum"),
        (lambda x: [1] - [2], "take its items one by one"),  # type: ignore[operator]
        (lambda x: (x,).sum(), "take its items one by one"),  # type: ignore[attr-defined]
        (lambda x: torch.ones(2).sort() - torch.ones(2).sort(), "take `.values`"),  # type: ignore[operator]
        (lambda x: 1.5 ^ 2.5, "A power is `**`"),  # type: ignore[operator]
        (lambda x: torch.ones(2) ^ 2, "A power is `**`"),
        (lambda x: max(0, torch.ones(2)), "`torch.clamp`, `torch.relu`"),
        (lambda x: torch.ones(4).reshape(1, 4 / 2, 2), "`//` divides"),  # type: ignore[call-overload]
        (lambda x: range(4 / 2), "`//` divides"),  # type: ignore[call-overload]
        (lambda x: torch.nn.ReLU().weight, "isinstance(layer"),
        (lambda x: setattr(torch.nn.Linear(1, 1), "weight", torch.ones(1, 1)), "changed in place by"),
        (lambda x: torch.nn.functional.binary_cross_entropy(torch.ones(2), torch.ones(3)), "Print the shapes"),
        (lambda x: unknown, "Check the spelling"),  # type: ignore[name-defined]  # noqa: F821
        (lambda x: torch.log(x), "use torch's on tensors"),
        (lambda x: torch.ones(2) + torch.ones(3), "Print the shapes"),
        (
            lambda x: torch.ones(1, 2, 3) @ torch.ones(2, 2, 3),
            "got: [2, 2]. It was called",
        ),  # torch ends it with a full stop
        (lambda x: torch.ones(1).sum().backward(), "cut off from the weights"),
        (lambda x: torch.nn.Linear(1, 1).weight.normal_(), "changed in place by"),
        (lambda x: [][0], "a cell of its own"),
        (lambda x: torch.softplus(x), "`F.softplus`, behind `import torch.nn.functional as F`"),  # type: ignore[attr-defined]
        (lambda x: torch.ones(2).mse_loss(x), "`F.mse_loss`"),  # type: ignore[attr-defined]
    ],
)
def test_remedies(function, remedy):
    result = make(plus_one).check(function)
    told = result.message.split("` with ")[-1]  # behind the line that it quotes, which has the remedy of this table
    assert (result.status, remedy in told) == ("wrong", True), result


def a_name_of_its_own(x):
    own_scores = x
    return [own_scroes for _ in range(own_scores)]  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize(
    ("function", "meant"),
    [
        (lambda x: troch.exp(x), "torch"),  # type: ignore[name-defined]  # noqa: F821
        (lambda x: pritn(x), "print"),  # type: ignore[name-defined]  # noqa: F821
        (lambda x: itertool.count(), "itertools"),  # type: ignore[name-defined]  # noqa: F821
        (lambda x_fake: x_fakes + 1, "x_fake"),  # type: ignore[name-defined]  # noqa: F821
        (a_name_of_its_own, "own_scores"),
        (lambda x: torch.sofmax(torch.ones(2)), "softmax"),  # type: ignore[attr-defined]
        (lambda x: torch.ones(2).detatch(), "detach"),  # type: ignore[attr-defined]
        (lambda x: torch.nn.Linear(2, 3).wieght, "weight"),
        (lambda x: torch.nn.functional.leaky_ReLU(x), "leaky_relu"),  # type: ignore[attr-defined]
        (lambda x: math.Log(x), "log"),  # type: ignore[attr-defined]
    ],
)
def test_a_misspelt_name_is_told_which_one_is_meant(function, meant):
    result = make(plus_one).check(function)
    assert (result.status, result.message.endswith(f"Did you mean `{meant}`?")) == ("wrong", True), result


@pytest.mark.parametrize(
    "function",
    [
        lambda x: far_from_all_names,  # type: ignore[name-defined]  # noqa: F821
        lambda x: erorr,  # type: ignore[name-defined]  # noqa: F821  # a name of the engine's own frames
        lambda x: torch.ones(2).append(x),  # type: ignore[attr-defined]
        lambda x: x.items,
    ],
)
def test_no_name_is_meant_where_none_is_near(function):
    result = make(plus_one).check(function)
    assert (result.status, "Did you mean" in result.message) == ("wrong", False), result


def test_a_name_that_has_no_value_yet_is_not_called_misspelt():
    def later(x):
        if x > 3:
            total = x
        return total

    assert "no value yet on that line" in make(plus_one).check(later).message


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


def test_an_answer_that_exits_does_not_take_the_notebook_with_it():
    result = make(plus_one).check(lambda x: sys.exit())
    assert (result.status, "asks Python to end" in result.message) == ("wrong", True), result
    assert "coroutine" in make(plus_one).check(an_async_answer).message
    assert "generator" in make(plus_one).check(lambda x: (yield x)).message


async def an_async_answer(x):
    return x + 1


def for_ever(x):
    while True:
        pass


def catches_all(x):
    while True:
        try:
            x = [x, for_ever]
            x = x[0]
        except BaseException:
            pass


def sleeps(x):
    time.sleep(3600)


@pytest.mark.parametrize(
    "answer",
    [
        for_ever,
        catches_all,
        pytest.param(
            sleeps, marks=pytest.mark.skipif(sys.platform == "win32", reason="a system call ends first on Windows")
        ),
    ],
)
def test_an_answer_that_never_returns_is_stopped(answer, monkeypatch):
    monkeypatch.setattr(guard, "TIME_LIMIT", 0.2)
    before = signal.getsignal(signal.SIGURG) if hasattr(signal, "SIGURG") else None
    result = make(plus_one).check(answer)
    assert (result.status, "still running after 0.2 seconds" in result.message) == ("wrong", True), result
    assert before == (signal.getsignal(signal.SIGURG) if hasattr(signal, "SIGURG") else None)
    assert make(plus_one).check(lambda x: x + 1).status == "correct"  # nothing is left over for the next one


def test_an_answer_is_stopped_outside_the_main_thread_too(monkeypatch):
    monkeypatch.setattr(guard, "TIME_LIMIT", 0.2)
    with ThreadPoolExecutor(1) as pool:
        assert "still running" in pool.submit(make(plus_one).check, for_ever).result().message


STRUCK = """
import contextlib, threading, time
from gancourse.exercises.checking import guard

def struck(*errors):  # OutOfTime comes between the answer's end and what finish does about it
    guard.suppress = contextlib.suppress
    raise guard.OutOfTime

guard.suppress = struck
try:
    guard.within(0.1, lambda: 3)
except guard.OutOfTime:
    pass
time.sleep(0.5)  # a watcher that goes on strikes here
print("quiet", [t.name for t in threading.enumerate() if t.name.startswith("time limit")])
"""


def test_a_watcher_ends_with_the_call_that_it_watches_even_where_its_end_was_cut_off():
    told = subprocess.run([sys.executable, "-c", STRUCK], capture_output=True, text=True, timeout=120)
    assert (told.returncode, told.stdout) == (0, "quiet []\n"), told.stderr


def test_within_passes_on_what_the_function_raises_and_returns():
    assert guard.within(60, lambda: 3) == 3
    with pytest.raises(ZeroDivisionError):
        guard.within(60, lambda: 1 // 0)


def test_what_is_printed_is_shown_in_part(capsys):
    def chatty(x):
        for n in range(500):
            print("line", n)
        return x + 1

    result = make(plus_one).check(chatty)
    assert result.status == "correct"
    assert capsys.readouterr() == ("", "")
    assert repr(result).endswith(
        "It printed:\n" + "\n".join(f"line {n}" for n in range(10)) + "\n... and 990 more lines"
    )
    assert "line 9" in result._repr_html_()
    assert make(plus_one).check(lambda x: x + 1).printed == ""
    wide = make(plus_one).check(lambda x: print("<" * 10_000, end="") or x + 1)
    assert len(wide.printed) < 500


@pytest.mark.parametrize(
    ("owner", "name"), [(torch, "sigmoid"), (torch.nn.functional, "softplus"), (torch.Tensor, "sigmoid"), (math, "exp")]
)
def test_an_answer_that_replaces_a_function_is_told_and_undone(owner, name):
    before = vars(owner).get(name)

    def patches(x):
        setattr(owner, name, lambda *_: 0)
        return x + 1

    result = make(plus_one).check(patches)
    assert result.status == "wrong"
    assert f"{name}` for the whole notebook" in result.message
    assert vars(owner).get(name) is before


def test_what_the_notebook_has_replaced_is_not_used_by_a_check_and_stays(monkeypatch):
    mine = torch.tanh
    monkeypatch.setattr(torch, "sigmoid", mine)
    result = lesson01.saturating_gradient.check(lambda logit: -torch.sigmoid(logit))
    assert result.status == "correct"
    assert "has replaced `torch.sigmoid`" in result.message
    assert torch.sigmoid is mine


@pytest.mark.parametrize(
    ("change", "read"),
    [
        (lambda: torch.set_default_dtype(torch.float64), torch.get_default_dtype),
        (lambda: torch.set_default_device("meta"), torch.get_default_device),
        (lambda: torch._C._set_grad_enabled(False), torch.is_grad_enabled),
        (lambda: torch.set_num_threads(torch.get_num_threads() + 1), torch.get_num_threads),
        (lambda: torch.use_deterministic_algorithms(True), torch.are_deterministic_algorithms_enabled),
    ],
)
def test_an_answer_that_changes_a_setting_is_told_and_undone(change, read):
    before = read()

    def answer(x):
        change()
        return x + 1

    result = make(plus_one).check(answer)
    assert (result.status, "for the whole notebook" in result.message) == ("wrong", True), result
    assert read() == before


def test_seeds_that_an_answer_sets_are_not_the_notebooks():
    def answer(x):
        torch.manual_seed(1)
        np.random.seed(1)
        random.seed(1)
        return x + 1

    states = torch.get_rng_state(), np.random.get_state(legacy=True), random.getstate()
    assert make(plus_one).check(answer).status == "correct"
    assert torch.equal(states[0], torch.get_rng_state())
    assert str(states[1]) == str(np.random.get_state(legacy=True))
    assert states[2] == random.getstate()


def test_a_check_runs_in_torchs_usual_settings():
    torch.set_default_dtype(torch.float64)
    try:
        assert lesson02.scale_images.check(lesson02.scale_images.reference).status == "correct"
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


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


def test_whoever_types_a_solution_is_told_how_its_modules_are_imported():
    """A notebook need not have imported them: the message about the missing name has the line."""
    lines = {line for module, _ in modules() for item in engine.exercises(module).values() for line in item._imports()}
    assert len(lines) > 5 and lines <= set(crashes.IMPORTS.values())


def test_hints_advance_and_stay_at_the_last():
    item = make(plus_one)
    shown = [repr(item.hint()) for _ in range(4)]
    assert shown[0] == "Hint 1 of 3: T <1>\na"
    assert [text.splitlines()[-1] for text in shown] == ["a", "b", "c", "c"]


def test_solution_is_the_references_code_without_decorator():
    text = repr(lesson02.scale_images.solution())
    assert text.splitlines()[1] == "def scale_images(pixels):"
    assert repr(lesson02.generator_loss.solution()).splitlines()[1:5] == [
        "import torch.nn.functional as F",
        "",
        "",
        "def generator_loss(fake_logits):",
    ]
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
