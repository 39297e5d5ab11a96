"""Answers to lesson 03's networks and layers by hand: right ones, and wrong ones with a part of their message."""

import torch
from torch import nn
from torch.nn import functional as F


def discriminator(
    slope=0.2, slopes=None, bias=False, norm_first=False, norm=True, early=False, end=(), kernel=4, linear_bias=True
):
    def active(i):
        value = (slopes or (slope, slope))[i]
        return [] if value is None else [nn.LeakyReLU(value)]

    second: list[nn.Module] = [nn.Conv2d(64, 128, 4, 2, 1, bias=bias)]
    normed = [nn.BatchNorm2d(128)] if norm else []
    second += [*active(1), *normed] if early else [*normed, *active(1)]
    return nn.Sequential(
        nn.Conv2d(1, 64, kernel, 2, 1 if kernel == 4 else 2, bias=bias),
        *([nn.BatchNorm2d(64)] if norm_first else []),
        *active(0),
        *second,
        nn.Flatten(),
        nn.Linear(6272, 1, bias=linear_bias),
        *end,
    )


class AsModule(nn.Module):
    """Layers registered in another order than an image passes them, functional activations, logits (B,)."""

    def __init__(self):
        super().__init__()
        self.out, self.norm = nn.Linear(128 * 7 * 7, 1), nn.BatchNorm2d(128)
        self.b, self.a = nn.Conv2d(64, 128, 4, 2, 1, bias=False), nn.Conv2d(1, 64, 4, 2, 1, bias=False)

    def forward(self, x):
        x = F.leaky_relu(self.a(x), 0.2)
        x = F.leaky_relu(self.norm(self.b(x)), 0.2)
        return self.out(x.flatten(1)).squeeze(1)


def norm(
    axes=(0, 2, 3), unbiased=False, eps=1e-5, where="root", affine=(True, True), keep=0.9, biased_average=False,
    moves="training", frozen=False, always_batch=False, swap=False,
):  # fmt: skip
    def batch_norm(x, weight, bias, mean, var, training):
        m, v = x.mean(axes, keepdim=True), x.var(axes, unbiased=unbiased, keepdim=True)
        own = (0, 2, 3)
        if not (training or always_batch) or (training and frozen):
            m, v = mean[:, None, None], var[:, None, None]
        if (training and moves == "training") or moves == "always":
            mean.mul_(keep).add_((1 - keep) * x.mean(own))
            var.mul_(keep).add_((1 - keep) * x.var(own, unbiased=not biased_average))
        deviation = {"root": (v + eps).sqrt(), "outside": v.sqrt() + eps, "no root": v + eps}[where]
        y = (x - m) / deviation
        y = y * weight[:, None, None] if affine[0] else y
        return y + bias[:, None, None] if affine[1] else y

    return batch_norm


def norm_by_loops(x, weight, bias, mean, var, training):
    y = torch.empty_like(x)
    for c in range(x.shape[1]):
        channel = x[:, c]
        m, v = (channel.mean(), channel.var(correction=0)) if training else (mean[c].clone(), var[c].clone())
        y[:, c] = (channel - m) / torch.sqrt(v + 1e-5) * weight[c] + bias[c]
        if training:
            mean[c] = 0.9 * mean[c] + 0.1 * m
            var[c] = 0.9 * var[c] + 0.1 * channel.var()
    return y


def in_place(x, weight, bias, mean, var, training):
    y = norm()(x, weight, bias, mean, var, training)
    x.copy_(y)
    return y


def torchs_norm(x, weight, bias, mean, var, training):
    return F.batch_norm(x, mean, var, weight, bias, training)


def stamps(add=True, flip=False, turned=False, cut=True, apart=None, swap=False):
    def transposed(x, weight, stride, padding):
        weight = weight.flip(2, 3) if flip else weight.transpose(2, 3) if turned else weight
        weight = weight.transpose(0, 1) if swap and weight.shape[0] == weight.shape[1] else weight
        (b, _, h, w), (_, c_out, k, _) = x.shape, weight.shape
        s = apart or stride
        out = torch.zeros(b, c_out, (h - 1) * s + k, (w - 1) * s + k, dtype=x.dtype)
        for i in range(h):
            for j in range(w):
                stamp = (x[:, :, None, i, j, None, None] * weight).sum(1)
                if add:
                    out[:, :, i * s : i * s + k, j * s : j * s + k] += stamp
                else:
                    out[:, :, i * s : i * s + k, j * s : j * s + k] = stamp
        p = padding if cut else 0
        return out[:, :, p : out.shape[2] - p, p : out.shape[3] - p]

    return transposed


def as_a_convolution(x, weight, stride, padding):
    """Right too: pixels spread apart with zeros between, then an ordinary convolution with the kernel turned round."""
    b, c, h, w = x.shape
    k = weight.shape[-1]
    spread = x.new_zeros(b, c, (h - 1) * stride + 1, (w - 1) * stride + 1)
    spread[:, :, ::stride, ::stride] = x
    return F.conv2d(spread, weight.flip(2, 3).transpose(0, 1), padding=k - 1 - padding)


def folded(x, weight, stride, padding):
    """Right too: all stamps as one product, folded."""
    k = weight.shape[-1]
    h, w = ((n - 1) * stride - 2 * padding + k for n in x.shape[2:])
    size = (h, w)
    columns = weight.flatten(1).T @ x.flatten(2)
    return F.fold(columns, size, k, padding=padding, stride=stride)


RIGHT = {
    "build_discriminator": [discriminator, lambda: AsModule(), lambda: discriminator().eval()],
    "batch_norm": [norm(), norm_by_loops],
    "transposed_convolution": [stamps(), as_a_convolution, folded],
}

WRONG = {
    "build_discriminator": {
        "default slope": (lambda: discriminator(slope=0.01), "slope is 0.01"),
        "ReLU": (lambda: discriminator(slope=0.0), "These are ReLUs"),
        "no first activation": (lambda: discriminator(slopes=(None, 0.2)), "after the first convolution is missing"),
        "no second activation": (lambda: discriminator(slopes=(0.2, None)), "after BatchNorm is missing"),
        "no activation": (lambda: discriminator(slopes=(None, None)), "one linear map"),
        "BatchNorm last": (lambda: discriminator(early=True), "stands before BatchNorm"),
        "two slopes": (lambda: discriminator(slopes=(0.2, 0.1)), "computes something else"),
        "Sigmoid": (lambda: discriminator(end=(nn.Sigmoid(),)), "without a sigmoid at the end"),
        "BatchNorm first too": (lambda: discriminator(norm_first=True), "no BatchNorm after its first"),
        "no BatchNorm": (lambda: discriminator(norm=False), "belongs after the second convolution"),
        "biases": (lambda: discriminator(bias=True), "has a bias"),
        "no bias": (lambda: discriminator(linear_bias=False), "has no bias"),
        "kernel 5": (lambda: discriminator(kernel=5), "has kernel_size (5, 5)"),
        "one more": (lambda: discriminator(end=(nn.Linear(1, 1),)), "two Conv2d, one BatchNorm2d and one Linear"),
        "sizes": (lambda: nn.Sequential(nn.Conv2d(1, 64, 4, 2, 1), nn.Linear(6272, 1)), "stops on images"),
        "an image": (lambda: torch.zeros(1), "return a network"),
    },
    "batch_norm": {
        "over n - 1": (norm(unbiased=True), "divides by n - 1"),
        "each image": (norm(axes=(2, 3)), "each image on its own"),
        "each pixel": (norm(axes=(0,)), "of each pixel"),
        "all channels": (norm(axes=(1, 2, 3)), "over all channels"),
        "no eps": (norm(eps=0.0), "eps is missing"),
        "eps outside": (norm(where="outside"), "under the root"),
        "variance": (norm(where="no root"), "divides by the variance"),
        "no affine": (norm(affine=(False, False)), "two learned numbers"),
        "no bias": (norm(affine=(True, False)), "The bias is missing"),
        "no weight": (norm(affine=(False, True)), "The weight is missing"),
        "running in training": (norm(frozen=True), "not the running ones"),
        "eps 0.8": (norm(eps=0.8), "not the numbers of nn.BatchNorm2d"),
        "weights exchanged": (norm(keep=0.1), "are exchanged"),
        "variance over n": (norm(biased_average=True), "over n - 1, the estimate"),
        "no running averages": (norm(moves="never"), "has not moved"),
        "momentum 0.2": (norm(keep=0.8), "0.9 of the old one plus 0.1"),
        "always the batch": (norm(always_batch=True), "still normalises by the batch"),
        "moves when looking": (norm(moves="always"), "must leave no trace"),
        "x in place": (in_place, "changes x in place"),
        "torch's own": (torchs_norm, "calls PyTorch's own `batch_norm`"),
    },
    "transposed_convolution": {
        "replaced": (stamps(add=False), "they add up"),
        "flipped": (stamps(flip=True), "turned round"),
        "rows and columns": (stamps(turned=True), "rows and columns"),
        "not cut": (stamps(cut=False), "not cut off"),
        "cut by -p": (lambda x, w, s, p: stamps(cut=False)(x, w, s, p)[..., p:-p, p:-p], "`[0:-0]` is empty"),
        "one apart": (stamps(apart=1), "one pixel apart"),
        "two apart": (stamps(apart=2), "(2, 2, 5, 4) is expected"),
        "channels": (stamps(swap=True), "channels are exchanged"),
        "torch's own": (
            lambda x, w, s, p: F.conv_transpose2d(x, w, stride=s, padding=p),
            "calls PyTorch's own `conv_transpose2d`",
        ),
        "another factor": (lambda x, w, s, p: 2 * stamps()(x, w, s, p), "not the numbers"),
        "a number": (lambda x, w, s, p: 0.0, "a tensor of shape"),
    },
}
