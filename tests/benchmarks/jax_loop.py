"""P1's two pairs of networks in JAX, as somebody who uses it would write them: one jitted scan over the steps.

The same work as ours: one D step and one G step on D's fakes, batch 128, Adam, float32. Imports JAX where it is used.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any


def jax_steps(model: str, pixels: Any, n: int, batch: int = 128) -> Callable[[], None]:
    """A function that trains for n steps and waits for them. model: "mlp" or "dcgan". pixels: (N, 28, 28) uint8."""
    import jax
    import jax.numpy as jnp
    import optax

    data = jnp.asarray(pixels).reshape(len(pixels), 28, 28, 1)
    G, D, generate, judge = (_perceptrons if model == "mlp" else _convolutions)(jax.random.key(0))
    adam = optax.adam(2e-4, b1=0.5, b2=0.999)

    def step(state: Any, key: Any) -> Any:
        G, D, of_g, of_d = state
        which, noise = jax.random.split(key)
        real = data[jax.random.randint(which, (batch,), 0, len(data))].astype(jnp.float32) / 127.5 - 1
        z = jax.random.normal(noise, (batch, 100))
        fake, back = jax.vjp(lambda g: generate(g, z), G)
        loss_d, slope = jax.value_and_grad(
            lambda d: jax.nn.softplus(-judge(d, real)).mean() + jax.nn.softplus(judge(d, fake)).mean()
        )(D)
        change, of_d = adam.update(slope, of_d)
        D = optax.apply_updates(D, change)
        loss_g, of_images = jax.value_and_grad(lambda x: jax.nn.softplus(-judge(D, x)).mean())(fake)
        change, of_g = adam.update(back(of_images)[0], of_g)
        return (optax.apply_updates(G, change), D, of_g, of_d), jnp.stack([loss_d, loss_g])

    many = jax.jit(lambda state, key: jax.lax.scan(step, state, jax.random.split(key, n)), donate_argnums=0)
    now: list[Any] = [(G, D, adam.init(G), adam.init(D)), 0]

    def run() -> None:
        now[1] += 1
        now[0], losses = many(now[0], jax.random.key(now[1]))
        losses.block_until_ready()

    return run


def _perceptrons(key: Any) -> Any:
    """Parameters and functions of P1's MLP generator and discriminator."""
    import jax
    import jax.numpy as jnp

    def layers(key: Any, sizes: tuple[int, ...]) -> list[Any]:
        made = []
        for part, (a, b) in zip(jax.random.split(key, len(sizes) - 1), pairwise(sizes), strict=True):
            for_w, for_bias = jax.random.split(part)
            reach = 1 / math.sqrt(a)
            w = jax.random.uniform(for_w, (a, b), minval=-reach, maxval=reach)
            made.append((w, jax.random.uniform(for_bias, (b,), minval=-reach, maxval=reach)))
        return made

    def chain(parameters: Any, x: Any) -> Any:
        for i, (w, bias) in enumerate(parameters):
            x = x @ w + bias
            if i < len(parameters) - 1:
                x = jax.nn.leaky_relu(x, 0.2)
        return x

    of_g, of_d = jax.random.split(key)
    return (
        layers(of_g, (100, 128, 256, 784)),
        layers(of_d, (784, 256, 128, 1)),
        lambda g, z: jnp.tanh(chain(g, z)),
        lambda d, x: chain(d, x.reshape(len(x), -1))[:, 0],
    )


def _convolutions(key: Any) -> Any:
    """Parameters and functions of P1's DCGAN generator and discriminator."""
    import jax
    import jax.numpy as jnp

    keys = iter(jax.random.split(key, 6))

    def normal(*shape: int) -> Any:
        return 0.02 * jax.random.normal(next(keys), shape)

    def normed(x: Any, scale: Any, shift: Any) -> Any:
        return (x - x.mean((0, 1, 2))) * jax.lax.rsqrt(x.var((0, 1, 2)) + 1e-5) * scale + shift

    axes = ("NHWC", "HWIO", "NHWC")

    def down(x: Any, w: Any) -> Any:
        return jax.lax.conv_general_dilated(x, w, (2, 2), ((1, 1), (1, 1)), dimension_numbers=axes)

    def up(x: Any, w: Any) -> Any:
        return jax.lax.conv_transpose(x, w, (2, 2), "SAME", dimension_numbers=axes)

    def bn(n: int) -> Any:
        return jnp.ones(n), jnp.zeros(n)

    G = {
        "a": normal(100, 7 * 7 * 256),
        "bn_a": bn(256),
        "b": normal(4, 4, 256, 128),
        "bn_b": bn(128),
        "c": normal(4, 4, 128, 1),
    }
    D = {
        "a": normal(4, 4, 1, 64),
        "b": normal(4, 4, 64, 128),
        "bn_b": bn(128),
        "c": normal(6272, 1),
        "bias": jnp.zeros(1),
    }

    def generate(g: Any, z: Any) -> Any:
        x = jax.nn.relu(normed((z @ g["a"]).reshape(-1, 7, 7, 256), *g["bn_a"]))
        return jnp.tanh(up(jax.nn.relu(normed(up(x, g["b"]), *g["bn_b"])), g["c"]))

    def judge(d: Any, x: Any) -> Any:
        x = jax.nn.leaky_relu(down(x, d["a"]), 0.2)
        x = jax.nn.leaky_relu(normed(down(x, d["b"]), *d["bn_b"]), 0.2)
        return (x.reshape(len(x), -1) @ d["c"] + d["bias"])[:, 0]

    return G, D, generate, judge
