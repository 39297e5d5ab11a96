"""Theory that can be executed.

minimax      the closed forms of the minimax game: densities, divergences, the optimal discriminator
transport    the earth mover's distance of two samples, exactly
kantorovich  its dual: the best 1-Lipschitz ruler
lipschitz    how steep a critic is, and how steep it may be
rulers       critics on fixed points, against the exact distance
games        small games with known dynamics
plane        data on the plane
playground   a GAN on the plane, step by step
"""

from gancourse.theory.minimax import (
    LOG2,
    LOG4,
    Density,
    Mixture,
    Normal,
    Uniform,
    criterion,
    generator_gradients,
    gradient_ratio,
    grid,
    integrate,
    jsd,
    jsd_of_missing_modes,
    kl,
    non_saturating_gradient,
    optimal_discriminator,
    push_forward,
    saturating_gradient,
    value,
    wasserstein_1d,
)

__all__ = [
    "LOG2",
    "LOG4",
    "Density",
    "Mixture",
    "Normal",
    "Uniform",
    "criterion",
    "generator_gradients",
    "gradient_ratio",
    "grid",
    "integrate",
    "jsd",
    "jsd_of_missing_modes",
    "kl",
    "non_saturating_gradient",
    "optimal_discriminator",
    "push_forward",
    "saturating_gradient",
    "value",
    "wasserstein_1d",
]
