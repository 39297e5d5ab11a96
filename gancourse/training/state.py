"""What a run needs to go on with the same bits: networks, Adam's moments, random states; as tensors, and back."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from gancourse.training.checkpoint import Checkpoint, fitting


def take(
    networks: Mapping[str, nn.Module], optimisers: Mapping[str, torch.optim.Optimizer], rng: torch.Generator
) -> dict[str, Tensor]:
    """The state of all of them, under names as "G.net.0.weight", "opt_d.3.exp_avg", "rng.own"; nothing is copied.

    rng: the run's own generator; beside it torch's global random states go along, for dropout and the like.
    """
    tensors: dict[str, Tensor] = {}
    for name, network in networks.items():
        tensors |= {f"{name}.{key}": value for key, value in network.state_dict().items()}
    for name, optimiser in optimisers.items():
        for index, state in optimiser.state_dict()["state"].items():
            tensors |= {f"{name}.{index}.{key}": value for key, value in state.items()}
    tensors["rng.own"] = rng.get_state()
    tensors["rng.torch"] = torch.get_rng_state()
    if rng.device.type == "cuda":
        tensors["rng.cuda"] = torch.cuda.get_rng_state(rng.device)
    return tensors


def put_back(
    checkpoint: Checkpoint,
    networks: Mapping[str, nn.Module],
    optimisers: Mapping[str, torch.optim.Optimizer],
    rng: torch.Generator,
) -> None:
    """Give everything that `take` took its state back. Raises CheckpointError where it does not fit."""
    with fitting(checkpoint):
        for name, network in networks.items():
            network.load_state_dict(checkpoint.network(name))
        for name, optimiser in optimisers.items():
            optimiser.load_state_dict(_state_of(optimiser, checkpoint.network(name)))
        rng.set_state(checkpoint.tensors["rng.own"])
        torch.set_rng_state(checkpoint.tensors["rng.torch"])
        if rng.device.type == "cuda":
            torch.cuda.set_rng_state(checkpoint.tensors["rng.cuda"], rng.device)


def _state_of(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> dict[str, object]:
    """A state dict for the optimiser, from the tensors that it had."""
    parameters = optimiser.param_groups[0]["params"]
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, field = key.split(".", 1)
        if field != "step":  # the fused kernel walks memory: moments must lie as their parameter does
            value = torch.empty_like(parameters[int(index)]).copy_(value)
        state.setdefault(int(index), {})[field] = value
    return {"state": state, "param_groups": optimiser.state_dict()["param_groups"]}
