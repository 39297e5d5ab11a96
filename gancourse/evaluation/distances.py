"""Which points lie near each other: exact distances, and only of the pairs that a screen lets through.

Of 10,000 x 10,000 distances a score needs some ten a point. One matrix product in float32 gives a lower bound of each
squared distance, |p|^2 + |a|^2 - 2 p.a less all that rounding can do to it, and the few pairs that it does not rule
out are computed in float64 as |p - a|. So what comes out does not depend on the screen, and memory does not grow with
the number of pairs.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

_GROUP = 16  # of so many distances the smallest is found first
_PAIRS = 1 << 20  # distances at a time: 4 MB in float32, which stay in a processor's own cache
_DENSE = 16  # where more than one pair in so many passes the screen, all pairs are computed


class Screen:
    """Lower bounds of the squared distances of points (M, F) to others (N, F), both finite, in units of `scale`^2."""

    def __init__(self, points: Tensor, among: Tensor) -> None:
        self.points, self.among = points.detach().cpu(), among.detach().cpu()
        centre = self.among.double().mean(0)
        p, a = self.points - centre, self.among - centre  # float64, as centre is
        self.scale = max(p.norm(dim=1).max().item(), a.norm(dim=1).max().item()) or 1.0
        # where a program allows products in less than float32, they are taken in float64
        wide = torch.float32 if torch.get_float32_matmul_precision() == "highest" else torch.float64
        # F rounding errors of a product, at most eps / 2 each; those of sums, norms and casts; and twice all of them
        slack = (p.shape[1] + 16) * torch.finfo(wide).eps
        p, a = p.div_(self.scale), a.div_(self.scale)
        self._p_norms, self._a_norms = ((1 - slack) * torch.linalg.vecdot(x, x).to(wide) for x in (p, a))
        # columns in groups: far away are those that fill the last one
        self._a = torch.nn.functional.pad(a.to(wide), (0, 0, 0, -len(a) % _GROUP)).T.contiguous()
        self._a_norms = torch.nn.functional.pad(self._a_norms, (0, -len(a) % _GROUP), value=torch.inf)
        self._p = p.to(wide)

    def bounds(self, rows: slice, columns: slice = slice(None)) -> Tensor:
        """(rows, columns): at most |p - a|^2 / scale^2."""
        bound = torch.addmm(self._a_norms[columns], self._p[rows], self._a[:, columns], alpha=-2)
        return bound.add_(self._p_norms[rows, None])

    def limits(self, reach: Tensor) -> Tensor:
        """What `bounds` is at most for pairs within reach (K,)."""
        return (reach.double() / self.scale).square().mul(1 + 1e-6).to(self._p.dtype)

    def exact(self, i: Tensor, j: Tensor) -> Tensor:
        """Distances in float64 of points i (P,) to j (P, K) of the others: (P, K)."""
        return direct(self.points[i, None].double(), self.among[j].double())[:, 0]


def direct(a: Tensor, b: Tensor) -> Tensor:
    """Distances of (..., M, F) to (..., N, F), each from the difference: 0 for equal points, and alike both ways."""
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")


def nearest(points: Tensor, among: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k nearest of (N, F) to each of (M, F) points, k at most N: distances (M, k) float64, rising; indices (M, k).

    Both are finite. Of equally near ones any may come.
    """
    screen, found = Screen(points, among), []
    for rows in _parts(len(points), max(1, _PAIRS // len(among))):
        i = torch.arange(rows.start, rows.stop)
        # more than k, so that one of them is surely farther away than the k nearest
        bound, j = _smallest(screen.bounds(rows), min(2 * k + 6, len(among)))
        d, place = screen.exact(i, j).topk(k, 1, largest=False)
        index = j.gather(1, place)
        if j.shape[1] < len(among):
            unsure = screen.limits(d[:, -1]) >= bound
            for part in i[unsure].split(max(1, _PAIRS // 8 // len(among))):
                every = direct(screen.points[part].double(), screen.among.double())
                d[part - rows.start], index[part - rows.start] = every.topk(k, 1, largest=False)
        found.append((d, index))
    distances, indices = zip(*found, strict=True)
    return torch.cat(distances), torch.cat(indices)


def _smallest(values: Tensor, m: int) -> tuple[Tensor, Tensor]:
    """The largest of the m smallest of each row of (R, N), (R,), and where these are, (R, m); N a multiple of _GROUP.

    The m smallest stand in the m groups whose own smallest are smallest: the others have m values that are no larger.
    """
    rows, n = values.shape
    groups = values.view(rows, _GROUP, n // _GROUP)  # strided, so that the minimum is taken of whole rows at a time
    if m >= groups.shape[2]:
        top = values.topk(m, 1, largest=False)
        return top.values[:, -1], top.indices
    which = groups.amin(1).topk(m, 1, largest=False, sorted=False).indices
    inside = groups.gather(2, which[:, None].expand(-1, _GROUP, -1)).flatten(1)
    top = inside.topk(m, 1, largest=False)
    member, group = top.indices // m, which.gather(1, top.indices % m)
    return top.values[:, -1], member * (n // _GROUP) + group


def close_pairs(
    points: Tensor, among: Tensor, reach: Tensor, reach_among: Tensor
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Every pair of (M, F) points and (N, F) others within the reach (M,) of the one or (N,) of the other, in parts.

    Yields i (P,), j (P,), and distances (P,) float64; some pairs that are just out of reach are among them.
    """
    screen = Screen(points, among)
    of_points, of_among = screen.limits(reach), screen.limits(reach_among)
    for rows in _parts(len(points), 256):
        for columns in _parts(len(among), _PAIRS // 4 // 256):
            bound = screen.bounds(rows, columns)
            near = (bound <= of_points[rows, None]) | (bound <= of_among[columns])
            i, j = near.nonzero(as_tuple=True)
            if len(i) * _DENSE > near.numel():
                d = direct(screen.points[rows].double(), screen.among[columns].double())[i, j]
            else:
                some = max(1, _PAIRS // points.shape[1])
                pairs = zip((i + rows.start).split(some), (j + columns.start)[:, None].split(some), strict=True)
                d = torch.cat([screen.exact(*pair)[:, 0] for pair in pairs])
            yield i + rows.start, j + columns.start, d


def _parts(n: int, size: int) -> Iterator[slice]:
    return (slice(start, min(start + size, n)) for start in range(0, n, size))
