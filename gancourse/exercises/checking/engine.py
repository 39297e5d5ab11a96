"""What an exercise is, and how an answer is judged.

An exercise is declared by decorating its reference solution, which makes it an `Exercise` of the same name:

    @exercise(title="...", difficulty="easy", minutes=3, prompt="...", hints=("a", "b", "c"), check=_check)
    def optimal_discriminator(p, q):
        return p / (p + q)

The check function receives the student's answer: as a `StudentFunction` where it is a function, and as it is
where the exercise asks for a value (`value=True`). It raises `Wrong` with a message about the answer, or
returns a sentence that is shown with "Correct". Whatever was written, `Exercise.check` returns a `Result`: an answer
that never returns, exits, prints without end or changes torch is dealt with in `checking.guard` and `checking.world`.
"""

from __future__ import annotations

import ast
import copy
import dis
import html
import inspect
import re
import textwrap
import types
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any, Literal

from gancourse.exercises.checking import guard
from gancourse.exercises.checking.crashes import brief, crash_message, describe, raised_by
from gancourse.exercises.checking.world import World, kept_world
from gancourse.exercises.record.writing import note_attempt

Status = Literal["correct", "wrong", "not attempted"]

#: The latest status of every exercise checked in this process, by "module.name" ("lesson01.count_modes").
results: dict[str, Status] = {}

_HEADINGS = {"correct": "Correct", "wrong": "Not correct yet", "not attempted": "Not attempted yet"}
# Only the bar at the left is coloured: the text keeps the theme's own colour, so that it can be read in
# dark mode.
_BARS = {"correct": "#2a9d6f", "wrong": "#d9822b", "not attempted": "#888888"}
# What Python makes of a body that does nothing: constants loaded, dropped and returned.
_MOVES = {"RESUME", "NOP", "POP_TOP", "RETURN_VALUE", "COPY_FREE_VARS"}
_NOTHING = _MOVES | {"LOAD_CONST", "RETURN_CONST"}
_UNTOUCHED = "Replace the `...` by your answer, run its cell again, then run this check."
_RETURNED_NONE = "Your function returned None: end it with a `return`. Printing a value does not return it."


class Wrong(Exception):
    """The answer is wrong; the message says what is wrong with it."""


class NotAttempted(Exception):
    """The answer is still the stub."""


@dataclass(frozen=True)
class Note:
    """A heading and a text: plain in a terminal, HTML in a notebook, where `code` is set as code."""

    heading: str
    message: str
    bar: str = "#888888"
    is_code: bool = False

    def __repr__(self) -> str:
        return f"{self.heading}\n{self.message}" if self.message else self.heading

    def _repr_html_(self) -> str:
        message = html.escape(self.message)
        if self.is_code:
            body = f'<pre style="margin: .3em 0; background: transparent; color: inherit">{message}</pre>'
        else:
            body = re.sub(r"`([^`]+)`", r"<code>\1</code>", message).replace("\n", "<br>")
        return (
            f'<div style="border-left: 4px solid {self.bar}; padding: .3em .8em; margin: .3em 0">'
            f"<strong>{html.escape(self.heading)}</strong><br>{body}</div>"
        )


@dataclass(frozen=True)
class Result:
    """What `check` found: `status` is "correct", "wrong" or "not attempted"; `message` says why.

    `printed`: the first lines that the answer printed while it was checked, and how many more there were. `kept`: what
    the student must be told about the file that their progress is kept in; mostly nothing.
    """

    status: Status
    message: str
    title: str
    printed: str = ""
    kept: str = ""

    def _notes(self) -> list[Note]:
        notes = [Note(f"{_HEADINGS[self.status]}: {self.title}", self.message, _BARS[self.status])]
        if self.printed:
            notes.append(Note("It printed:", self.printed, is_code=True))
        if self.kept:
            notes.append(Note("Your progress", self.kept))
        return notes

    def __repr__(self) -> str:
        return "\n".join(map(repr, self._notes()))

    def _repr_html_(self) -> str:
        return "".join(note._repr_html_() for note in self._notes())


class StudentFunction:
    """The student's function: calling it turns a stub into `NotAttempted` and a crash into `Wrong`.

    `mend`, called after each call, puts back what the function has changed for the whole notebook, and says what.
    """

    def __init__(self, function: Callable[..., Any], mend: Callable[[], str] = lambda: "") -> None:
        self.function = function
        self.mend = mend
        self._answered = False

    def __call__(self, *args: Any) -> Any:
        """The function's value. A first None or `...` is the stub's, a later one a forgotten branch's."""
        value = self._run(args)
        if not _untouched(value):
            self._answered = True
            return value
        if self._answered:
            raise Wrong(f"It returned None when called with {describe(args)}: does every branch return a value?")
        if value is None and not is_stub(self.function):
            raise Wrong(_RETURNED_NONE)
        raise NotAttempted(_UNTOUCHED)

    def in_place(self, *args: Any) -> None:
        """Call a function that is judged by what it does, not by what it returns."""
        if is_stub(self.function):
            raise NotAttempted(_UNTOUCHED)
        self._run(args)

    def _run(self, args: tuple[Any, ...]) -> Any:
        try:
            value = self.function(*args)
        except (KeyboardInterrupt, guard.OutOfTime):
            raise
        except BaseException as error:  # SystemExit among them
            if isinstance(error, NotImplementedError) and raised_by(self.function, error):
                raise NotAttempted(_UNTOUCHED) from None
            crash = crash_message(self.function, args, error)
            raise Wrong(f"{crash} {self.mend()}".rstrip()) from None
        if changed := self.mend():
            raise Wrong(changed)
        if inspect.iscoroutine(value):
            value.close()
            raise Wrong("It is an `async` function, which returns a coroutine and no value: begin it with `def` alone.")
        if inspect.isgenerator(value):
            raise Wrong("It returned a generator, which has computed nothing yet: `return` the values themselves.")
        return value


class Exercise:
    """One exercise: `check`, `hint`, `solution`, and what a notebook or a test needs to know of it.

    Attributes: name, key ("lesson01.count_modes"), title, difficulty, minutes (expected), prompt (Markdown,
    to paste into the notebook), stub (the code of the student's cell), hints (three), reference (the
    solution, a function), value (True where the answer is a value and not a function).
    """

    def __init__(
        self,
        reference: Callable[..., Any],
        *,
        title: str,
        difficulty: Literal["easy", "medium", "hard"],
        minutes: int,
        prompt: str,
        hints: Sequence[str],
        check: Callable[[Any], str],
        value: bool,
    ) -> None:
        if difficulty not in ("easy", "medium", "hard"):
            raise ValueError(f"difficulty is {difficulty!r}: expected 'easy', 'medium' or 'hard'")
        if len(hints) != 3:
            raise ValueError(f"{len(hints)} hints: expected 3, a nudge, a pointer and the key line")
        self.reference = reference
        self.name = reference.__name__
        self.key = f"{reference.__module__.rpartition('.')[2]}.{self.name}"
        self.title = title
        self.difficulty = difficulty
        self.minutes = minutes
        text = inspect.cleandoc(prompt)
        self.prompt = f"**Exercise: {title}** ({difficulty}, {minutes} minutes). {text}"
        self.hints = tuple(hints)
        self.value = value
        self._check = check
        self._hints_shown = 0

    def check(self, answer: Any = None) -> Result:
        """Judge an answer (a function, or a value where the exercise asks for one). Raises nothing but Ctrl-C's
        KeyboardInterrupt.

        The check draws its random numbers from a state of its own, and runs in torch's usual settings: those of the
        notebook are left as they were. What the answer prints is kept for the result. It is stopped after
        `guard.TIME_LIMIT` seconds.

        What it finds is noted in the student's progress file, where somebody sits at the notebook
        (`gancourse.exercises.record`).
        """
        printed = guard.Transcript()
        status: Status
        with kept_world() as world, redirect_stdout(printed), redirect_stderr(printed):
            try:
                status, message = guard.within(guard.TIME_LIMIT, lambda: self._judge(answer, world))
            except guard.OutOfTime:
                status, message = (
                    "wrong",
                    f"It was still running after {guard.TIME_LIMIT:g} seconds, and was stopped: look for a loop whose "
                    "condition never becomes false, or call it on a small input in a cell of its own.",
                )
            if (changed := world.mend()) and status == "correct":
                status, message = "wrong", changed
            message += world.note()
        results[self.key] = status
        return Result(status, message, self.title, printed.text(), note_attempt(self.key, status))

    def _judge(self, answer: Any, world: World) -> tuple[Status, str]:
        try:
            if _untouched(answer):
                raise NotAttempted(_UNTOUCHED)
            if self.value:
                if inspect.isroutine(answer):
                    raise Wrong("`check` expects the answer itself here, not a function.")
                return "correct", self._check(answer)
            if not callable(answer):
                raise Wrong(
                    f"`check` expects your function, and was given {describe((answer,))}: "
                    f"write `check({self.answer_name})`, without calling it."
                )
            return "correct", self._check(StudentFunction(answer, world.mend))
        except NotAttempted as note:
            return "not attempted", str(note)
        except Wrong as problem:
            return "wrong", str(problem)
        except (KeyboardInterrupt, guard.OutOfTime):
            raise
        except BaseException as error:  # an answer that no check foresaw must not stop the notebook
            return (
                "wrong",
                f"The check could not make sense of this answer ({brief(error)}). Compare it with the stub.",
            )

    def hint(self) -> Note:
        """The next of three hints: a nudge, a pointer, the key line. After the last it stays there."""
        self._hints_shown = min(self._hints_shown + 1, len(self.hints))
        return Note(f"Hint {self._hints_shown} of {len(self.hints)}: {self.title}", self.hints[self._hints_shown - 1])

    def solution(self) -> Note:
        """The reference solution: the very function that the course's tests run, behind the imports that it needs."""
        return Note(f"Solution: {self.title}", self._behind_imports(self.source), is_code=True)

    def demonstration(self) -> Exercise:
        """The same exercise, to show how one works: what its checks say is nobody's progress."""
        shown = copy.copy(self)
        shown.key = f"demonstration.{self.name}"
        shown._hints_shown = 0
        return shown

    @property
    def source(self) -> str:
        """The reference solution's code, without its decorator."""
        source = textwrap.dedent(inspect.getsource(self.reference))
        segment = ast.get_source_segment(source, ast.parse(source).body[0])
        assert segment is not None
        return segment

    @property
    def answer_name(self) -> str:
        """The name that the stub binds, and that `check` is called with."""
        return f"my_{self.name}"

    @property
    def stub(self) -> str:
        """The code of the student's cell."""
        doc = inspect.getdoc(self.reference) or ""
        if self.value:
            comment = "".join(f"# {line}".rstrip() + "\n" for line in doc.splitlines())
            return f"{comment}{self.answer_name} = ..."
        names = ", ".join(inspect.signature(self.reference).parameters)
        quoted = textwrap.indent(f'"""{doc}"""' if "\n" not in doc else f'"""{doc}\n"""', "    ")
        return f"def {self.answer_name}({names}):\n{quoted}\n    ...  # your code"

    def solution_code(self, name: str | None = None) -> str:
        """Code that binds `name` (by default the stub's) to the reference solution, with its imports."""
        name = name or self.answer_name
        if self.value:
            code = f"{self.source}\n\n\n{name} = {self.name}()"
        else:
            code = self.source.replace(f"def {self.name}(", f"def {name}(", 1)
        return self._behind_imports(code)

    def _behind_imports(self, code: str) -> str:
        imports = "\n".join(self._imports())
        return f"{imports}\n\n\n{code}" if imports else code

    def _imports(self) -> list[str]:
        nodes = list(ast.walk(ast.parse(self.source)))
        names = [node for node in nodes if isinstance(node, ast.Name)]
        own = {node.id for node in names if isinstance(node.ctx, ast.Store)}
        own |= {node.arg for node in nodes if isinstance(node, ast.arg)}
        used = {node.id for node in names} - own
        lines = []
        for name, thing in self.reference.__globals__.items():
            if name in used and isinstance(thing, types.ModuleType):
                package, _, last = thing.__name__.rpartition(".")
                if thing.__name__ == name:
                    lines.append(f"import {name}")
                elif last == name:
                    lines.append(f"from {package} import {name}")
                else:
                    lines.append(f"import {thing.__name__} as {name}")
        return sorted(lines)

    def _repr_markdown_(self) -> str:
        return self.prompt

    def __repr__(self) -> str:
        return (
            f"Exercise: {self.title} ({self.difficulty}, {self.minutes} minutes): .check(answer), .hint(), .solution()"
        )


def exercise(
    *,
    title: str,
    difficulty: Literal["easy", "medium", "hard"],
    minutes: int,
    prompt: str,
    hints: Sequence[str],
    check: Callable[[Any], str],
    value: bool = False,
) -> Callable[[Callable[..., Any]], Exercise]:
    """Turn a reference solution into an `Exercise` (the module's docstring shows it).

    `value=True`: the answer is a value; the reference then takes no arguments and returns it.
    """

    def declare(reference: Callable[..., Any]) -> Exercise:
        return Exercise(
            reference,
            title=title,
            difficulty=difficulty,
            minutes=minutes,
            prompt=prompt,
            hints=hints,
            check=check,
            value=value,
        )

    return declare


def exercises(module: types.ModuleType) -> dict[str, Exercise]:
    """The exercises of a module by name, in the order in which they are declared."""
    return {name: thing for name, thing in vars(module).items() if isinstance(thing, Exercise)}


def _untouched(value: Any) -> bool:
    if isinstance(value, tuple | list) and value:
        return all(_untouched(item) for item in value)
    if isinstance(value, dict) and value:
        return all(_untouched(item) for item in value.values())
    return value is None or value is Ellipsis


def is_stub(function: Callable[..., Any]) -> bool:
    """Whether a function's body is nothing but `...`, `pass` or a docstring: it loads no name and computes nothing."""
    code = getattr(function, "__code__", None)
    if code is None:
        return False
    return all(
        step.opname in _NOTHING and (step.opname in _MOVES or step.argval is None or step.argval is ...)
        for step in dis.get_instructions(code)
    )
