"""The check of lesson 09's pool of earlier fakes: who is shown, who is kept, and by whose coin."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gancourse.exercises.checking.crashes import describe
from gancourse.exercises.checking.engine import StudentFunction, Wrong
from gancourse.exercises.checking.judging import ks_distance

_SHAPE = (3, 2, 2)


class _Stream:
    """Fakes whose pixels are all their number, 1, 2, 3, ..., with a graph to the network that made them."""

    def __init__(self) -> None:
        self.made = 0
        self.source = torch.zeros(_SHAPE, requires_grad=True)

    def batch(self, size: int) -> Tensor:
        numbers = torch.arange(self.made + 1.0, self.made + size + 1)
        self.made += size
        return numbers[:, None, None, None] + self.source


def _number(picture: Any, where: str) -> int:
    if not isinstance(picture, Tensor) or picture.shape != _SHAPE:
        raise Wrong(f"{where} is {describe((picture,))}: a picture (C, H, W), one fake, is expected.")
    values = picture.detach().flatten()
    if not bool((values == values[0]).all()) or float(values[0]) % 1:
        raise Wrong(f"{where} is no fake that was ever given: fakes are shown and kept as they are.")
    return int(values[0])


class _Watch:
    """A pool, what it held before each call, and what each call showed."""

    def __init__(self, call: StudentFunction, size: int) -> None:
        self.call, self.size, self.stream = call, size, _Stream()
        self.held: list[Any] = []
        self.swapped: list[bool] = []
        self.places: list[int] = []

    def exchange(self, batch: int) -> None:
        fakes, before = self.stream.batch(batch), [_number(one, "What is held") for one in self.held]
        given = [int(number) for number in fakes.detach()[:, 0, 0, 0]]
        shown = self.call(self.held, fakes, self.size)
        if isinstance(shown, list | tuple) and shown and all(isinstance(one, Tensor) for one in shown):
            raise Wrong(f"It returned {len(shown)} pictures in a list: `torch.stack` makes a batch of them for D.")
        if not isinstance(shown, Tensor) or shown.shape != fakes.shape:
            raise Wrong(
                f"It returned {describe((shown,))}: as many pictures as it was given are expected, "
                f"{tuple(fakes.shape)}."
            )
        if len(self.held) > self.size:
            raise Wrong(f"{len(self.held)} fakes are held: there is room for `size` of them, here {self.size}.")
        numbers = [_number(one, "What is shown") for one in shown]
        self._judge_graph(shown, fakes)
        self._follow(before, given, numbers)

    def _judge_graph(self, shown: Tensor, fakes: Tensor) -> None:
        if any(isinstance(one, Tensor) and one.requires_grad for one in self.held):
            raise Wrong(
                "The fakes are kept with their graph: each holds all of G's activations in memory, and D's step would "
                "reach a G that has moved on. Keep `fake.detach()`."
            )
        if shown.requires_grad:
            raise Wrong("What is shown to D has G's graph: D's step would reach G. Begin with `fakes.detach()`.")
        kept = [one.clone() if isinstance(one, Tensor) else one for one in self.held]
        with torch.no_grad():
            fakes += 0.5
        for old, now in zip(kept, self.held, strict=True):
            if isinstance(now, Tensor) and not torch.equal(old, now):
                raise Wrong(
                    "What is held lies in the batch's own memory, which it keeps alive and which may be written over: "
                    "keep a copy, `fake.detach().clone()`."
                )

    def _follow(self, before: list[int], given: list[int], shown: list[int]) -> None:
        """Go through the batch, fake by fake, as the pool should have done."""
        after = [_number(one, "What is held") for one in self.held]
        pool = list(before)
        for fake, seen in zip(given, shown, strict=True):
            if len(pool) < self.size:
                if seen != fake:
                    raise Wrong(
                        "While there is room, a new fake is kept *and* shown: yours shows another, although only "
                        f"{len(pool)} of {self.size} places are taken."
                    )
                pool.append(fake)
            elif seen == fake:
                if fake in after and fake not in pool:
                    raise Wrong(
                        "With a full pool a new fake is kept and shown: the one that is taken out goes to D, *before* "
                        "its place is taken. Then the new one is not shown."
                    )
                self.swapped.append(False)
            elif seen in pool:
                place = pool.index(seen)
                self.swapped.append(True)
                self.places.append(place)
                if fake not in after and fake not in shown:
                    raise Wrong(
                        "An old fake is shown, and the new one does not take its place: the pool keeps its first "
                        f"{self.size} fakes for ever."
                    )
                pool[place] = fake
            else:
                raise Wrong("It shows a fake that is neither new nor held.")
        if sorted(after) != sorted(pool):
            if len(after) < len(pool):
                raise Wrong(
                    f"The pool does not fill up: it holds {len(after)} of the {len(pool)} fakes that there is room for."
                )
            raise Wrong("The pool holds other fakes than it should: each new one that is kept replaces the one shown.")


def check_exchange(call: StudentFunction) -> str:
    """The check of `lesson09.exchange`: exchange(held, fakes, size) -> pictures to show; held changes in place."""
    single = _Watch(call, 5)
    for _ in range(5):
        single.exchange(1)
    if len(single.held) < 5:
        raise Wrong(f"After five fakes the pool of five holds {len(single.held)}: each is kept while there is room.")
    for _ in range(600):
        single.exchange(1)
    _judge_coin(single)
    batches = _Watch(call, 6)
    for _ in range(80):
        batches.exchange(4)  # the second batch fills it up half-way
    share = sum(batches.swapped) / len(batches.swapped)
    if abs(share - 0.5) > 3 / len(batches.swapped) ** 0.5:
        raise Wrong(f"In batches of four {share:.0%} of the fakes shown are old ones: toss a coin for each picture.")
    runs = [batches.swapped[i : i + 4] for i in range(2, len(batches.swapped) - 3, 4)]
    if all(len(set(run)) == 1 for run in runs):
        raise Wrong("One coin decides for the whole batch: toss one for each picture.")
    none: list[Any] = []
    fakes = _Stream().batch(3).detach()
    shown = call(none, fakes.clone(), 0)
    if not isinstance(shown, Tensor) or not torch.equal(shown, fakes) or none:
        raise Wrong("With size 0 there is no pool: the fakes themselves are shown, and none is kept.")
    return (
        "Half of the fakes that D sees are new, half are older: with 50 places, and one picture a step, each stays for "
        "100 steps on average."
    )


def _judge_coin(pool: _Watch) -> None:
    n = len(pool.swapped)
    share = sum(pool.swapped) / n
    if share == 1:
        raise Wrong("With a full pool it always swaps: toss a coin, and in half of the cases show the new fake itself.")
    if share == 0:
        raise Wrong("With a full pool it always shows the new fake: then the pool changes nothing.")
    if abs(share - 0.5) > 3 / n**0.5:
        raise Wrong(f"With a full pool {share:.0%} of the fakes shown are old ones: the coin is fair, a half.")
    places = torch.tensor(pool.places, dtype=torch.float64)
    if len(places.unique()) < pool.size:
        raise Wrong(
            f"Only {len(places.unique())} of the {pool.size} places are ever exchanged: draw the place at random among "
            "all."
        )
    if ks_distance((places + 0.5) / pool.size) > 2.7 / len(places) ** 0.5 + 0.5 / pool.size:
        raise Wrong("Some places of the pool are exchanged more often than others: draw the place evenly.")
    ahead = (places[1:] - places[:-1]) % pool.size
    if bool((ahead == ahead[0]).all()):
        raise Wrong("The places are exchanged in turn: draw the place at random.")
