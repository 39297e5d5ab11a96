"""What the styles of a StyleGAN control, counted: mixed layer by layer, told apart by a plane, driven by noise.

A reader says which church is in a picture (`church_reader`). So a sentence about styles becomes a count: how often does
the mixed church have the donor's time of day, how well does a plane in w tell its plan, how much of a picture is noise?
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from gancourse.evaluation.intervals import wilson
from gancourse.models.base import eval_mode
from gancourse.models.stylegan import StyleGenerator

_BATCH = 100
Read = Callable[[Tensor], Mapping[str, Tensor]]


class Mixed(NamedTuple):
    """Of pairs whose values of a factor differ: how many, and what the mixed picture shows.

    donor, source, other: the share of pairs where it has the donor's value, the source's, or a third. They sum to 1.
    chance: how often it has the donor's value where the styles are another donor's: what a share has to be more than.
    """

    pairs: int
    donor: float
    source: float
    other: float
    chance: float

    @property
    def interval(self) -> tuple[float, float]:
        """`wilson` of the donor's share, 95 %."""
        return wilson(round(self.donor * self.pairs) if self.pairs else 0, self.pairs)


@torch.no_grad()
def mixing_table(
    G: StyleGenerator, read: Read, groups: Mapping[str, Sequence[int]], n: int = 500, seed: int = 0
) -> dict[str, dict[str, Mixed]]:
    """For each group of layers and each factor: what a source looks like that got the donor's w in those layers.

    groups: name -> numbers of styles, 0 to n_styles - 1. read: pictures (B, 3, H, W) in [-1, 1] -> factor -> (B,).
    n pairs of source and donor, w of z from seed; the noise is the stored one in all. A pair counts for a factor where
    the reader sees different values in the two. Returns group -> factor -> `Mixed`. (Karras et al. 2019, section 3.1
    and figure 3, as a table.) Raises ValueError for a layer that is not there, and for fewer than 1 pair.
    """
    layers = G.synthesis.n_styles
    for name, group in groups.items():
        if bad := [layer for layer in group if not 0 <= layer < layers]:
            raise ValueError(f"the group {name!r} has layer {bad[0]}, expected 0 to {layers - 1}.")
    if n < 1:
        raise ValueError(f"n is {n}, expected at least 1 pair.")
    z = torch.randn(2, n, G.z_size, generator=torch.Generator().manual_seed(seed))
    w_source, w_donor = (w_of(G, part) for part in z)
    source, donor = (_read(G, G.each_layer(w), read) for w in (w_source, w_donor))
    table: dict[str, dict[str, Mixed]] = {}
    for name, group in groups.items():
        found = []
        for given in (w_donor, w_donor.roll(1, 0)):
            styles = G.each_layer(w_source).clone()
            styles[:, list(group)] = given[:, None]
            found.append(_read(G, styles, read))
        mixed, others = found
        table[name] = {one: _counted(source[one], donor[one], mixed[one], others[one]) for one in mixed}
    return table


def _counted(source: Tensor, donor: Tensor, mixed: Tensor, others: Tensor) -> Mixed:
    differ = source != donor
    pairs = int(differ.sum())
    if not pairs:
        return Mixed(0, math.nan, math.nan, math.nan, math.nan)

    def share(found: Tensor, of: Tensor) -> float:
        return ((found == of) & differ).sum().item() / pairs

    like_donor, like_source = share(mixed, donor), share(mixed, source)
    return Mixed(pairs, like_donor, like_source, 1 - like_donor - like_source, share(others, donor))


@torch.no_grad()
def w_of(G: StyleGenerator, z: Tensor) -> Tensor:
    """w (B, w_size) of z (B, z_size)."""
    with eval_mode(G):
        w: Tensor = G.mapping(z)
    return w


@torch.no_grad()
def _read(G: StyleGenerator, styles: Tensor, read: Read) -> dict[str, Tensor]:
    """What the reader sees in the pictures of styles (B, n_styles, w_size)."""
    with eval_mode(G):
        parts = [read(G.synthesis(part)) for part in styles.split(_BATCH)]
    return {factor: torch.cat([part[factor] for part in parts]) for factor in parts[0]}


class Separability(NamedTuple):
    """How well planes tell a factor's values.

    accuracy: of a linear classifier, on points that it was not fitted to. chance: of always the most frequent value,
    there. entropy: H(value | answer) in nats there: what one does not know yet when one has the classifier's answer
    (Karras et al. 2019, section 4.2, whose score is exp of a sum of these); ceiling: H(value).
    """

    accuracy: float
    chance: float
    entropy: float
    ceiling: float


def separability(points: Tensor, values: Tensor, penalty: float = 1e-3, steps: int = 50) -> Separability:
    """A linear classifier of values (N,) int64 at points (N, d), fitted to two thirds, judged on the rest.

    Multinomial logistic regression with a small penalty on its weights, by L-BFGS, on standardised points. Karras et
    al. fit a linear support vector machine to two values, to the half of the pictures of which their classifier is
    surest, and score it on what it was fitted to; here values may be more, and what is scored was held out.
    Raises ValueError for fewer than 30 points, and where all values are alike.
    """
    n, classes = len(points), int(values.max()) + 1
    if n < 30 or len(values) != n:
        raise ValueError(f"there are {n} points and {len(values)} values, expected as many of both, and at least 30.")
    if len(values.unique()) < 2:
        raise ValueError("all values are alike: there is nothing to tell apart.")
    x = points.double()
    x = (x - x.mean(0)) / x.std(0).clamp_min(1e-9)
    x = torch.cat([x, x.new_ones(n, 1)], 1)
    fitted = 2 * n // 3
    weights = x.new_zeros(x.shape[1], classes, requires_grad=True)
    optimiser = torch.optim.LBFGS([weights], max_iter=steps, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = F.cross_entropy(x[:fitted] @ weights, values[:fitted]) + penalty * weights[:-1].square().sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    truth, said = values[fitted:], (x[fitted:] @ weights.detach()).argmax(1)
    joint = torch.zeros(classes, classes, dtype=torch.double)
    joint.index_put_((truth, said), torch.ones(len(truth), dtype=torch.double), accumulate=True)
    joint /= joint.sum()
    of_both, of_said, of_truth = (_entropy(p) for p in (joint.flatten(), joint.sum(0), joint.sum(1)))
    return Separability((truth == said).double().mean().item(), joint.sum(1).max().item(), of_both - of_said, of_truth)


def _entropy(p: Tensor) -> float:
    return float(-(p * p.clamp_min(1e-300).log()).sum())


@torch.no_grad()
def noise_shares(G: StyleGenerator, n: int = 16, draws: int = 8, seed: int = 0) -> list[Tensor]:
    """What each noise input moves: for each convolution the standard deviation of every pixel, (H, W), of [-1, 1].

    n pictures, z from seed; of each, that input is drawn `draws` times while all else stays. The mean over pictures and
    colours of the variance, and its root. Last: all inputs drawn at once. (Karras et al. 2019, section 3.2, figures 4
    and 5.)
    """
    rng = torch.Generator().manual_seed(seed)
    w = w_of(G, torch.randn(n, G.z_size, generator=rng))
    layers = len(G.synthesis.convolutions)
    found = []
    with eval_mode(G):
        stored = G.synthesis.stored_noise()
        for layer in range(layers + 1):
            pictures = []
            for _ in range(draws):
                fresh = G.synthesis.draw_noise(n, rng)
                noise = [fresh[i] if layer in (i, layers) else stored[i].expand(n, -1, -1, -1) for i in range(layers)]
                pictures.append(G.synthesis(w, noise))
            found.append(torch.stack(pictures).var(0).mean((0, 1)).sqrt())
    return found
