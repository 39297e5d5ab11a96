"""Whether two networks are the same: given the same weights, do they compute the same?

A network may be written in many ways (a Sequential, a class, functions with parameters of its own). So it is not read
but run: `judge_network` gives the student's network the weights of a reference and compares, in train and in eval
mode, the outputs, the gradients and the running statistics.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence

import torch
from torch import Tensor, nn

from gancourse.exercises.checking.crashes import brief, describe
from gancourse.exercises.checking.engine import Wrong

_TRIES = 256  # ways to pair weights of equal shape that are tried

Build = Callable[[], nn.Module]


def _state(net: nn.Module) -> list[Tensor]:
    """Parameters and running statistics, in order; counters left out."""
    return [*net.parameters(), *_statistics(net)]


def _statistics(net: nn.Module) -> list[Tensor]:
    return [buffer for buffer in net.buffers() if buffer.is_floating_point() and buffer.ndim]


def _kind(tensor: Tensor, is_parameter: bool) -> tuple[object, ...]:
    """What tells one weight from another before training: its size, and whether it starts as 0, 1 or at random."""
    start = float(tensor.flatten()[0]) if bool((tensor == tensor.flatten()[0]).all()) else None
    return is_parameter, tensor.numel(), start if tensor.ndim < 2 else None


def _kinds(net: nn.Module) -> list[tuple[object, ...]]:
    return [_kind(p.detach(), True) for p in net.parameters()] + [_kind(b, False) for b in _statistics(net)]


def _pairings(net: nn.Module, kinds: list[tuple[object, ...]]) -> Iterator[list[int]]:
    """Ways to say which of the reference's tensors each of the student's is: the likely ones first."""
    mine = _kinds(net)
    if sorted(map(str, mine)) != sorted(map(str, kinds)):  # other starting values: by size alone
        mine, kinds = [kind[:2] for kind in mine], [kind[:2] for kind in kinds]
    if sorted(map(str, mine)) != sorted(map(str, kinds)):
        return
    groups = {kind: [i for i, other in enumerate(kinds) if other == kind] for kind in dict.fromkeys(mine)}
    for orders in itertools.islice(itertools.product(*map(itertools.permutations, groups.values())), _TRIES):
        left = {kind: list(order) for kind, order in zip(groups, orders, strict=True)}
        yield [left[kind].pop(0) for kind in mine]


def _forms(weight: Tensor, like: Tensor) -> list[Tensor]:
    """The ways in which other layers hold the same weights, of this shape: as a Linear, or as the other convolution."""
    forms = [weight]
    if weight.ndim == 4:
        forms += [weight.flatten(1), weight.flatten(1).t(), weight.transpose(0, 1).flip(2, 3), weight.transpose(0, 1)]
    return [form for form in forms if form.shape == like.shape]


def _fill(net: nn.Module, values: list[Tensor], pairing: list[int]) -> bool:
    """Copy the values into the network; False where a shape does not fit."""
    with torch.no_grad():
        for tensor, index in zip(_state(net), pairing, strict=True):
            forms = _forms(values[index], tensor)
            if not forms:
                return False
            tensor.copy_(forms[0])
    return True


def _draw(net: nn.Module) -> list[Tensor]:
    """Weights that show every difference: none is where it starts, and activations keep a size of about 1."""
    values = []
    for tensor in net.parameters():
        scale = 1.5 / max(1, tensor[0].numel()) ** 0.5 if tensor.ndim > 1 else 0.3
        values.append(torch.randn_like(tensor).mul(scale) + (tensor.ndim < 2 and bool((tensor == 1).all())))
    return [value.detach() for value in values] + [torch.rand_like(buffer) + 0.5 for buffer in _statistics(net)]


#: What is compared, in the order in which a difference is told.
_PARTS = ("outputs in eval mode", "outputs in train mode", "running statistics after a batch", "gradients")


def _computed(net: nn.Module, values: list[Tensor], pairing: list[int], x: Tensor) -> list[Tensor] | None:
    """What a network computes with these weights: the `_PARTS`; gradients are those of the images, or z."""
    if not _fill(net, values, pairing):
        return None
    net.eval()
    with torch.no_grad():
        in_eval = net(x.clone()).clone()
    net.train()
    given = x.clone().requires_grad_()
    out = net(given)
    weighted = (out * torch.linspace(-1, 1, out.numel()).reshape(out.shape)).sum()
    gradient = torch.autograd.grad(weighted, given)[0] if weighted.requires_grad else torch.zeros_like(x)
    order = sorted(range(len(pairing)), key=pairing.__getitem__)  # statistics in the reference's order
    state = _state(net)
    count = len(list(net.parameters()))
    statistics = [state[i].detach().flatten() for i in order if i >= count]
    return [in_eval, out.detach(), torch.cat(statistics or [torch.zeros(1)]), gradient]


def _alike(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and bool((a - b).norm() <= 3e-4 * b.norm() + 1e-5)


def _difference(net: nn.Module, build: Build, x: Tensor) -> str | None:
    """What the student's network computes otherwise than the reference; "" for nothing, None if its weights differ."""
    state = torch.random.get_rng_state()
    torch.default_generator.manual_seed(1)
    reference = build()
    kinds, values = _kinds(reference), _draw(reference)
    torch.random.set_rng_state(state)
    wanted = _computed(reference, values, list(range(len(values))), x)
    assert wanted is not None
    best: str | None = None
    furthest = -1
    for pairing in _pairings(net, kinds):
        found = _computed(net, values, pairing, x)
        if found is None:
            continue
        equal = [_alike(a, b) for a, b in zip(found, wanted, strict=True)]
        if all(equal):
            return ""
        if sum(equal) > furthest:
            furthest, best = sum(equal), _PARTS[equal.index(False)]
    return best


def judge_network(
    make: Callable[[], nn.Module],
    rights: Sequence[Build],
    x: Tensor,
    mistakes: Iterable[tuple[Build, str]],
    otherwise: str,
) -> None:
    """`Wrong` unless the network that `make` gives computes what one of the right ones does with the same weights.

    make: makes the student's network anew, with untouched weights. rights: the right networks. x: a batch for them.
    mistakes: (a network with a known mistake, its message), tried in order. otherwise: the message where none fits;
    {part} in it becomes what differs ("outputs in eval mode").
    """

    def made() -> nn.Module:
        net = make()
        if any(isinstance(parameter, nn.UninitializedParameter) for parameter in net.parameters()):
            net(x)  # lazy layers get their weights by it
        return net

    part: str | None = None
    try:
        for build in rights:
            found = _difference(made(), build, x)
            if found == "":
                return
            part = part or found
        for build, message in mistakes:
            if _difference(made(), build, x) == "":
                raise Wrong(message)
    except (RuntimeError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise Wrong(f"The network stops on {describe((x,))} with {brief(error)}.") from None
    if part is None:
        raise Wrong(otherwise.format(part="weights and running statistics, by number and shape,"))
    raise Wrong(otherwise.format(part=part))
