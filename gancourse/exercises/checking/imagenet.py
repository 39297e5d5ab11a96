"""The check of lesson 10's way into ImageNet's range, which a borrowed network expects."""

from __future__ import annotations

import torch
from torch import Tensor

from gancourse.exercises.checking.engine import StudentFunction, Wrong
from gancourse.exercises.checking.judging import Mistake, close
from gancourse.exercises.checking.layers import compare
from gancourse.exercises.checking.watching import gradients

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)


def normalised(x: Tensor) -> Tensor:
    """Pictures (B, 3, H, W) in [-1, 1] as a network of ImageNet expects them."""
    return ((x + 1) / 2 - MEAN) / STD


def ranges(x: Tensor) -> dict[str, Tensor]:
    """Pictures in [-1, 1], in the range that is right ("") and in others, by the words for them."""
    return {
        "": normalised(x),
        "in [-1, 1]": x,
        "in [0, 1]": (x + 1) / 2,
        "less mean, by std, without having been in [0, 1]": (x - MEAN) / STD,
        "as levels 0 to 255": (x + 1) * 127.5,
        "normalised twice": (normalised(x) - MEAN) / STD,
        "normalised from [0, 1] as if that were [-1, 1]": normalised((x + 1) / 2),
    }


def check_for_imagenet(call: StudentFunction) -> str:
    """The check of `lesson10.for_imagenet`: for_imagenet(x), (B, 3, H, W) in [-1, 1] -> the same shape."""
    for shape in ((3, 3, 3, 3), (2, 3, 5, 4)):  # in the first, a mean along any axis fits
        leaf = (torch.rand(shape) * 2 - 1).requires_grad_()
        x = leaf * 1
        value = call(x)
        if not torch.equal(x.detach(), leaf.detach()):
            raise Wrong("It changes x in place: the pictures are still needed as they are, so make a new tensor.")
        right = normalised(leaf)
        mistakes = [(item.detach().double(), message) for item, message in _range_mistakes(leaf.detach())]
        compare(value, right.detach().double(), mistakes, "These are not the pictures, in [0, 1], less mean, by std.")
        if not value.requires_grad:
            raise Wrong("The numbers are right, but no gradient passes: G learns from features through this function.")
        if not close(gradients(value.sum(), leaf)[0], gradients(right.sum(), leaf)[0]):
            raise Wrong("The numbers are right, their gradient is not: is a part of x detached?")
    low, high = (normalised(torch.full((1, 3, 1, 1), level)).flatten().tolist() for level in (-1.0, 1.0))
    return (
        f"Black is now {', '.join(f'{v:.2f}' for v in low)}, and white {', '.join(f'{v:.2f}' for v in high)}: "
        "a range that no tanh has."
    )


def _range_mistakes(x: Tensor) -> list[Mistake]:
    unit = (x + 1) / 2
    levels = 255 * unit
    flat_mean, flat_std = MEAN.flatten(), STD.flatten()
    turned = (unit - MEAN.flip(0)) / STD.flip(0)
    axes = [(3, (1, 1, 1, 3)), (2, (1, 1, 3, 1)), (0, (3, 1, 1, 1))]
    along = [
        (
            (unit - flat_mean.view(shape)) / flat_std.view(shape),
            f"Mean and deviation run along axis {axis}: axis 1 is that of the channels. Without `.view(3, 1, 1)` they "
            "fit the last axis, and no error says so where a picture is 3 wide.",
        )
        for axis, shape in axes
        if x.shape[axis] == 3
    ]
    own_mean, own_std = unit.mean((0, 2, 3), keepdim=True), unit.std((0, 2, 3), keepdim=True)
    return [
        (
            (x - MEAN) / STD,
            "ImageNet's mean and deviation are those of pictures in [0, 1], and yours are still in [-1, 1]: "
            "(x + 1) / 2 comes first.",
        ),
        (x, "The pictures are as they were, in [-1, 1]: the network knows another range."),
        (unit, "The pictures are in [0, 1] now: the mean is to be taken away, and the rest divided by the deviation."),
        ((unit - STD) / MEAN, "Mean and deviation are exchanged."),
        ((x - STD) / MEAN, "Mean and deviation are exchanged, and the pictures are still in [-1, 1]."),
        (turned, "The channels are exchanged: mean and deviation stand in the order red, green, blue."),
        (unit - MEAN, "The deviation is missing: divide by it."),
        (unit / STD, "The mean is missing: take it away before you divide."),
        ((unit - MEAN) * STD, "You multiply by the deviation: divide by it."),
        ((unit - MEAN) / STD**2, "You divide by the variance: the numbers given are standard deviations already."),
        (unit / STD - MEAN, "You divide first: take the mean away, and then divide."),
        (unit * STD + MEAN, "This is the way back: take the mean away, and divide by the deviation."),
        (x * STD + MEAN, "This is the way back: take the mean away, and divide by the deviation."),
        ((x / 2 - MEAN) / STD, "x / 2 lies in [-.5, .5]: (x + 1) / 2 lies in [0, 1]."),
        ((x + 1 - MEAN) / STD, "x + 1 lies in [0, 2]: halve it."),
        ((levels - MEAN) / STD, "Mean and deviation are those of pictures in [0, 1], and yours lie in [0, 255]."),
        ((unit - own_mean) / own_std, "These are the batch's own mean and deviation: ImageNet's are expected."),
        *along,
    ]
