"""The exercises of the course, one module per notebook: `from gancourse.exercises import lesson01 as ex`.

Every exercise has `.check(answer)`, `.hint()` and `.solution()`; `gancourse.exercises.checking.engine` says how they
work.
"""
