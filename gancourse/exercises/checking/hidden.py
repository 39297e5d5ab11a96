"""The check of lesson 09's measure of what a fake hides: how far faint noise throws the way back off."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gancourse.exercises.checking.crashes import describe
from gancourse.exercises.checking.cycles import l1, squares
from gancourse.exercises.checking.engine import StudentFunction, Wrong
from gancourse.exercises.checking.gradient_penalty import judge_value
from gancourse.exercises.checking.judging import Mistake, close


class _Smuggler(nn.Module):
    """G_ab and G_ba in one: the fake keeps its picture in its faintest digits, and the way back reads it there.

    All of a picture in [-1, 1] is hidden: the fake is a flat grey to the eye. It notes what it was given.
    """

    def __init__(self, back: bool) -> None:
        super().__init__()
        self.back, self.seen = back, list[Tensor]()

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(x.detach().clone())
        return 0.9 * (x - 0.1) / 0.02 + 0.03 if self.back else 0.1 + 0.02 * x


def check_jump(call: StudentFunction) -> str:
    """The check of `lesson09.jump`: jump(G_ab, G_ba, a, levels), how many times larger the cycle's error becomes."""
    for levels in (2, 5):
        there, back = _Smuggler(back=False), _Smuggler(back=True)
        a = torch.rand(4, 3, 16, 20) * 1.8 - 0.9
        value = call(there, back, a.clone(), levels)
        if isinstance(value, Tensor) and value.numel() != 1:
            raise Wrong(f"It returned shape {tuple(value.shape)}: one number is expected, a ratio of two means.")
        try:
            found = torch.tensor(float(value), dtype=torch.float64)
        except (TypeError, ValueError):
            raise Wrong(f"It returned {describe((value,))}: one number is expected, a ratio of two means.") from None
        given, asked, fake = list(back.seen), list(there.seen), there(a)
        if not asked:
            raise Wrong("G_ab was never called: the fake is G_ab(a).")
        if not all(close(x, a) for x in asked):
            raise Wrong(
                "G_ab was given pictures that are not `a`: the noise goes on the fake. An original with noise is "
                "another picture, of which the way there hides its own account."
            )
        noises = [x - fake for x in _split(given, fake)]
        noisy = [noise for noise in noises if float(noise.abs().max()) > 1e-6]
        clean = [noise for noise in noises if float(noise.abs().max()) <= 1e-6]
        if not noisy:
            raise Wrong("G_ba was never given a fake with noise: add it to G_ab(a), before the way back.")
        if not clean:
            raise Wrong("G_ba was never given the fake as it is: the ratio needs its error without noise as well.")
        _judge_noise(noisy[-1], levels)
        with torch.no_grad():
            before, after = l1(back(fake), a), l1(back(fake + noisy[-1]), a)
            moved = l1(back(fake + noisy[-1]), back(fake))
            mistakes: list[Mistake] = [
                (before / after, "The ratio is turned round: the error with noise, divided by the one without."),
                (after - before, "This is the difference of the two errors: divide."),
                (after, "This is the error with noise: divide it by the one without."),
                (
                    moved / before,
                    "What came back with noise is compared with what came back without: compare both with `a`.",
                ),
                (
                    squares(back(fake + noisy[-1]), a) / squares(back(fake), a),
                    "The errors are squared: means of absolute differences.",
                ),
                (
                    (l1(fake + noisy[-1], a)) / l1(fake, a),
                    "The fakes are compared with `a`: they are no churches of that side. Send them back first.",
                ),
                (
                    ((back(fake + noisy[-1]) - a).abs() / (back(fake) - a).abs()).mean(),
                    "You divide pixel by pixel: divide the two means.",
                ),
                (after / before - 1, "This is how much is added: the ratio is one more."),
            ]
        judge_value(found, after / before, mistakes, f"noise of {levels} levels, on a pair that hides everything")
    return (
        "A change of two levels that nobody can see, and the way back loses its picture: most of it was not in what "
        "one sees of the fake."
    )


def _split(given: list[Tensor], fake: Tensor) -> list[Tensor]:
    """What the way back was given, batch by batch of the fake's size; several may have gone in as one."""
    batches: list[Tensor] = []
    for x in given:
        if x.shape[1:] != fake.shape[1:] or len(x) % len(fake):
            raise Wrong(f"G_ba was given {describe((x,))}: fakes of shape {tuple(fake.shape)} are expected.")
        batches += x.split(len(fake))
    return batches


def _judge_noise(noise: Tensor, levels: int) -> None:
    size = float(noise.abs().max())
    right = 2 * levels / 255
    if abs(size - right / 2) < 1e-5:
        raise Wrong(
            f"The noise is {levels}/255 of a range of length 1: our pictures lie in [-1, 1], of length 2, so that a "
            "level is 2/255."
        )
    if abs(size - levels) < 1e-3:
        raise Wrong(f"The noise is {levels} in [-1, 1]: it wipes out the picture. A level is 2/255 there.")
    if abs(size - right) > 1e-5:
        raise Wrong(
            f"The largest change of a number is {size:.4g}: {levels} levels of [-1, 1] are {right:.4g}, up or down."
        )
    if not close(noise.abs(), torch.full_like(noise, right), atol=1e-5):
        raise Wrong("The sizes of the changes differ: every number moves by just that many levels, up or down.")
    up = noise > 0
    if bool(up.all()) or not bool(up.any()):
        raise Wrong("Every number moves the same way, which is a brighter picture: toss a coin for each.")
    for axis, name in ((0, "picture"), (1, "channel"), (2, "row"), (3, "column")):
        if bool((up == up.select(axis, 0).unsqueeze(axis)).all()):
            raise Wrong(f"The coin is the same for each {name}: toss one for every number of the batch.")
    share = float(up.double().mean())
    if abs(share - 0.5) > 3 / up.numel() ** 0.5:
        raise Wrong(f"{share:.0%} of the numbers move up: a coin for each, up or down equally often.")
