"""The commands that make a run again, for its card, and of what stages it was made."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gancourse.course.datasets import data_of
from gancourse.course.lessons import Trained, command_of, trained
from gancourse.models.catalogue import defaults_of, options_in
from gancourse.training import settings
from gancourse.training.biggan import BigGANRecipe
from gancourse.training.config import Config
from gancourse.training.critic import OF_RECIPE, CriticRecipe
from gancourse.training.recipe import Recipe
from gancourse.training.style import StyleRecipe


def train_command(config: dict[str, Any], milestones: list[int]) -> str:
    """The command that makes a run with this config, from nothing; what is not its default is spelt out.

    Where the run grew from a smaller one, or went on from another: the commands of all of them, joined by "&&", from
    RUN-1 to RUN.
    """
    chain = _chain(config)
    runs = [*(f"RUN-{i + 1}" for i in range(len(chain) - 1)), "RUN"]
    commands = []
    for i, made in enumerate(chain):
        words = [_settings_of(made), *[f"--start {runs[i - 1]}"] * (i > 0)]
        words += [f"--milestones {_spans(milestones)}"] * (i == len(chain) - 1)
        commands.append(" ".join([*words, f"--out {runs[i]}"]))
    return " && ".join(commands)


def _settings_of(config: dict[str, Any]) -> str:
    """The command of one run, up to where it starts from and what it keeps."""
    critic, style, biggan = (config.get(key) for key in ("critic", "style", "biggan"))
    name = command_of(config["model"], critic, config["data"]["name"])
    preset = trained()[name][1] if name in trained() else Trained(config["model"])
    usual, options = defaults_of(config["model"]), options_in(config)
    words = [f"python -m gancourse train {name} --epochs {config.get('planned', config['epochs'])}"]
    words += [f"--until {config['epochs']}"] * ("planned" in config)
    if "width" in options and (style is None or options["width"] != usual["width"]):
        words.append(f"--width {options['width']}")
    others = [f"{k}={int(v)}" for k, v in options.items() if k not in ("width", *OF_RECIPE) and v != usual[k]]
    words += [f"--network {as_words(others)}"] * bool(others)
    words += ["--data FOLDER"] * (data_of(config["data"]["name"]) is None)
    words.append(f"--images {config['data']['count']}")
    own_loss = ["loss"] * (critic is not None)
    words += settings.words(config, Config, without=("model", "epochs", *own_loss), usual=preset.config)
    if critic is not None:
        words += settings.words(critic, CriticRecipe, usual=preset.critic or {})
    elif style is not None:
        words += settings.words(style, StyleRecipe, usual=preset.style or {})
    elif biggan is not None:
        words += settings.words(biggan, BigGANRecipe, usual=preset.biggan or {})
    else:
        words += settings.words(config.get("recipe", {}), Recipe)
    return " ".join(words)


def _chain(config: dict[str, Any]) -> list[dict[str, Any]]:
    """The settings of the runs that a run began with, the first one first, and its own."""
    chain = [config]
    while before := chain[0].get("before"):
        chain.insert(0, before)
    return chain


def stages(config: dict[str, Any], last: list[dict[str, Any]]) -> dict[str, Any]:
    """For the card of a run that can grow or that went on: of each run pixels a side, images shown to it, and seconds.

    last: the rows of the last run's history up to the epoch that is shipped.
    """
    if "fading" not in options_in(config) and not config.get("before"):
        return {}
    now = config | {"epochs": len(last), "seconds": sum(row["seconds"] for row in last)}
    found = [
        {
            "size": made["options"]["G"]["size"],
            "images": made["epochs"] * made["data"]["count"],
            **({"seconds": round(made["seconds"])} if "seconds" in made else {}),
        }
        for made in _chain(now)
    ]
    return {"stages": found}


def _spans(numbers: list[int]) -> str:
    """Ascending numbers, three or more in a row as "first-last": 1 2 5-9."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][-1] + 1:
            found[-1].append(number)
        else:
            found.append([number])
    return " ".join(f"{row[0]}-{row[-1]}" if len(row) > 2 else as_words(row) for row in found)


def as_words(numbers: Iterable[Any]) -> str:
    return " ".join(map(str, numbers))
