"""What networks that translate pictures are trained with, as settings: Pix2Pix's terms and CycleGAN's.

`training.algorithms.pix2pix` and `training.algorithms.cyclegan` run a round with them. Lessons 08 and 09 write both
rounds by hand.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gancourse.training.settings import check, choice, number, setting, switch, whole
from gancourse.training.superresolution import SRRecipe

# CycleGAN's code takes means of squares without a half for G, and halves all that D gets (Zhu et al. 2017, 7.1). In our
# pair of losses both sides of least squares have the half already: loss -> (weight of D's loss, weight of G's).
CYCLE_LOSSES = {"least_squares": (1.0, 2.0), "non_saturating": (0.5, 1.0)}
_LN_2 = {name: (math.log(2), "ln 2") for name in ("loss_d", "loss_g")}
_QUARTER = {name: (1 / 4, "1/4") for name in ("loss_d", "loss_g")}


def _weight(default: float, about: str) -> Any:
    """A field: the weight of a term, 0 to leave it out."""
    expected = f"0 (none) or a positive number such as {default:g}"
    return setting(default, about, number(lambda v: v >= 0), expected, kind=float)


def _decay(default: bool) -> Any:
    """A field: whether the rates fall in the run's second half."""
    about = "rates stay for half of the epochs, then fall linearly, epoch by epoch, towards 0 after the last"
    return setting(default, about, switch, "True or False", option="--constant-rate" if default else "")


@dataclass(frozen=True)
class Pix2PixRecipe:
    """The terms of G's loss, and what D is shown (Isola et al. 2017, equations 1 to 4). The defaults are the paper's.

    Raises ValueError for a value out of range, and where no term is left.
    """

    l1: float = _weight(100.0, "weight of the mean of |G(x) - y|")
    adversarial: float = _weight(1.0, "weight of what D says of G's picture; 0: there is no D's step")
    conditional: bool = setting(
        True, "D is shown the picture alone, and not what it was made from", switch, "True or False", option="--untold"
    )
    decay: bool = _decay(False)

    def __post_init__(self) -> None:
        check(self)
        if not self.l1 and not self.adversarial:
            raise ValueError("l1 and adversarial are both 0: nothing would teach G; give one of them a weight.")

    def marks(self) -> Mapping[str, tuple[float, str]]:
        """Where D answers 1/2 everywhere. Its loss is halved (section 3.3), so that it is ln 2 there."""
        return {**_LN_2, "d_real": (0.5, "1/2"), "d_fake": (0.5, "1/2")} if self.adversarial else {}


@dataclass(frozen=True)
class CycleRecipe:
    """The terms of the generators' loss and what the discriminators are shown (Zhu et al. 2017, 3.3, 4 and 5.2).

    The defaults are the paper's. Raises ValueError for a value out of range.
    """

    cycle: float = _weight(10.0, "lambda, the weight of the way there and back: of |G_ba(G_ab(a)) - a| and its twin")
    identity: float = _weight(
        0.5, "times lambda: the weight of |G_ab(b) - b|, and its twin: what is there already stays"
    )
    pool: int = setting(
        50, "earlier fakes that each D may be shown again", whole(0), "a whole number, 0 for none", kind=int
    )
    loss: str = choice("least_squares", "the adversarial loss of both sides", tuple(CYCLE_LOSSES))
    decay: bool = _decay(True)

    def __post_init__(self) -> None:
        check(self)

    def marks(self) -> Mapping[str, tuple[float, str]]:
        """Where both discriminators cannot tell; loss_d and loss_g are means over the two sides."""
        return {"least_squares": _QUARTER, "non_saturating": _LN_2}[self.loss]


def marks_in(config: Mapping[str, Any]) -> Mapping[str, tuple[float, str]]:
    """The marks of a run, by its config.json; none where it has settings that are not known here."""
    kind: Any = {"pix2pix": Pix2PixRecipe, "cyclegan": CycleRecipe, "srgan": SRRecipe}.get(str(config.get("algorithm")))
    try:
        return kind(**config["translation"]).marks() if kind else {}
    except (KeyError, TypeError, ValueError):
        return {}


def falling_rate(lr: float, epoch: int, epochs: int) -> float:
    """The rate of epoch `epoch`, counted from 0: lr for half of the epochs, then linearly down towards 0."""
    return lr * min(1.0, 2 * (epochs - epoch) / epochs)
