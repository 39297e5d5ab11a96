"""`python -m gancourse.evaluation train-classifier --out PATH` makes the classifier that the package ships."""

from __future__ import annotations

import argparse

from gancourse.evaluation.classifier_training import train_classifier


def main(arguments: list[str] | None = None) -> None:
    """Make the course's MNIST classifier, the one command that there is so far."""
    parser = argparse.ArgumentParser(prog="python -m gancourse.evaluation", description=main.__doc__)
    command = parser.add_subparsers(required=True).add_parser("train-classifier", help="train it and write it")
    command.add_argument("--out", required=True, help="where the .safetensors is written, its card beside it")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--epochs", type=int, default=10)
    given = parser.parse_args(arguments)
    print(f"test accuracy {100 * train_classifier(given.out, given.seed, given.epochs):.2f} %")


if __name__ == "__main__":
    main()
