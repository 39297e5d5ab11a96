"""The commands of this room: notebooks, pages, editions, slides as `make` runs them; ship, readme, pictures, lab."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from gancourse.course.lessons import PROFILES

_NOTEBOOKS = {
    "sync": "build notebooks/*.ipynb from notebooks/src/*.py",
    "check": "do the notebooks agree with their sources?",
    "course": "run the notebooks into build/ and write their pages",
    "refresh": "run the notebooks and keep their outputs",
    "plans": "run the notebooks' heads and keep what they print",
    "html": "pages of the committed notebooks",
    "slides": "slides of the committed notebooks, in build/slides",
}


def add_commands(commands: Any) -> None:
    """Add them to the subparsers of `python -m gancourse`."""
    for name, about in _NOTEBOOKS.items():
        one = commands.add_parser(name, help=about)
        one.add_argument("--notebooks", default="", metavar="02,03", help="only these (default: all)")
        one.set_defaults(run=_pipeline)
        if name in ("course", "refresh", "plans"):
            profiles = {"default": "laptop", "choices": ("auto", *PROFILES)}
            one.add_argument("--profile", help="how long the runs are (laptop)", **profiles)
        if name in ("course", "refresh"):
            one.add_argument("--record", action="store_true", help="keep the minutes for the plan cells")
        if name == "course":
            one.add_argument("--keep-going", action="store_true", help="run the rest after a failure")

    editions = commands.add_parser("editions", help="student and instructor editions of the notebooks")
    editions.add_argument("notebooks", nargs="*", type=Path, help="default: notebooks/*.ipynb")
    editions.add_argument("--out", type=Path, default=Path("build/editions"), help="default: build/editions")
    editions.add_argument("--execute", action="store_true", help="run both editions and check every exercise")
    editions.set_defaults(run=_editions)

    lab = commands.add_parser("lab", help="JupyterLab whose widgets answer at once; takes JupyterLab's own options")
    lab.set_defaults(run=_lab, passes_on=True)

    readme = commands.add_parser("readme", help="write the tables of results into README.md and notebooks/*.md")
    readme.add_argument("files", nargs="*", type=Path, help="texts that have their marks (default: all of the course)")
    readme.set_defaults(run=_readme)

    banner = commands.add_parser("banner", help="make the README's moving picture")
    banner.add_argument("file", type=Path, metavar="FILE.webp")
    banner.set_defaults(run=_banner)

    pictures = commands.add_parser("pictures", help="make the README's still pictures: results, and a figure a finding")
    pictures.add_argument("folder", type=Path, help=".github/pictures")
    pictures.set_defaults(run=_pictures)

    ship = commands.add_parser("ship", help="make what the package ships of a run: weights, strip of samples, card")
    ship.add_argument("run_folder", metavar="RUN")
    ship.add_argument("--name", required=True, help='what it will be called: "dcgan-mnist"')
    ship.add_argument("--epochs", type=int, nargs="+", required=True, help="which checkpoints")
    ship.add_argument("--curve", type=int, nargs="+", default=[], help="checkpoints that are scored, but not shipped")
    ship.add_argument("--out", required=True, help="folder of weights and cards")
    ship.add_argument("--as-trained", action="store_true", help="G itself, where the run also has its average")
    ship.add_argument("--eight-bit", action="store_true", help="weights in int8 with scales: half the size of float16")
    ship.add_argument("--discriminators", type=int, nargs="*", help="epochs whose D is shipped too (default: all)")
    ship.add_argument("--no-strip", action="store_true", help="no strip of samples over the epochs")
    ship.add_argument("--standing", action="store_true", help="BatchNorm's statistics of G anew, from 2,000 z")
    ship.add_argument(
        "--photographs", nargs=2, metavar=("TRAIN", "UNSEEN"), help="folders: what it was trained on, and not"
    )
    ship.add_argument("--source", default="", help="with --photographs: whose they are, and on what terms")
    ship.add_argument("--trained-at", default="", help="commit of the run's code (default: this one)")
    ship.set_defaults(run=_ship)

    kept = commands.add_parser("record-help", help="keep what --help answers, once an option has changed")
    kept.set_defaults(run=_record_help)


def _pipeline(options: argparse.Namespace) -> int:
    from gancourse import stopping
    from gancourse.publishing import pipeline, slides

    stopping.at_the_end(pipeline.forget_kernels)
    root, chosen, name = Path.cwd(), options.notebooks, options.command
    try:
        if name == "sync":
            changed = pipeline.sync(root, chosen)
            pipeline.say("\n".join(f"built {one}" for one in changed) or "every notebook agrees with its source")
        elif name == "check":
            found = pipeline.check(root, chosen)
            lines = [*found, "run `make sync`, then `make refresh`"] if found else ["notebooks agree with src"]
            pipeline.say("\n".join(lines))
            return 1 if found else 0
        elif name == "course":
            return _ended(pipeline.course(root, options.profile, chosen, options.keep_going), root, options)
        elif name == "refresh":
            return _ended(pipeline.refresh(root, options.profile, chosen), root, options)
        elif name == "plans":
            pipeline.say("\n".join(pipeline.refresh_plans(root, options.profile, chosen)) or "every plan is as it was")
        elif name == "slides":
            for one in slides.write_all(root, chosen):
                pipeline.say(str(one.relative_to(root)))
        else:
            pipeline.say(f"pages: {os.path.relpath(pipeline.make_html(root, chosen), root)}")
    except (FileNotFoundError, RuntimeError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _ended(records: list[dict[str, Any]], root: Path, options: argparse.Namespace) -> int:
    """Keep the minutes of these runs where that was asked for; the exit status."""
    from gancourse.publishing import pipeline

    if options.record:
        pipeline.record_minutes(records, root / "gancourse" / "assets" / "results" / "minutes.json")
        pipeline.say("minutes recorded; `python -m gancourse plans` shows them in the notebooks")
    return 1 if any(record["status"] != "ok" for record in records) else 0


def _editions(options: argparse.Namespace) -> int:
    from gancourse.publishing import editions

    sources = options.notebooks or sorted(Path("notebooks").glob("*.ipynb"))
    if not sources:
        print("no notebooks found: run this in the repository, or name them", file=sys.stderr)
        return 1
    for source in sources:
        print(*editions.build(source, options.out, options.execute).values(), sep="\n")
    return 0


def _lab(options: argparse.Namespace) -> int:
    from gancourse.publishing import lab

    return lab.run(options.rest)


def _readme(options: argparse.Namespace) -> None:
    from gancourse.files import write_atomically
    from gancourse.publishing.readme import PAGES, with_tables

    for path in options.files or map(Path, PAGES):
        write_atomically(path, with_tables(path.read_text(encoding="utf-8")).encode())


def _pictures(options: argparse.Namespace) -> None:
    from gancourse.publishing import front

    print(*front.write(options.folder), sep="\n")


def _banner(options: argparse.Namespace) -> None:
    from gancourse.files import write_atomically
    from gancourse.publishing.banner import film, frames

    write_atomically(options.file, film(frames()))


def _ship(options: argparse.Namespace) -> None:
    from gancourse.data.photographs import open_pictures
    from gancourse.publishing.shipping import Photographs, ship
    from gancourse.publishing.shipping_translators import SHIPS, ship_translator
    from gancourse.training.run import Run

    run, out, curve = Run(options.run_folder), Path(options.out), tuple(options.curve)
    if (run.config or {}).get("algorithm") in SHIPS:
        card = ship_translator(run, options.name, options.epochs[-1], out, options.trained_at, options.eight_bit)
        for part, file in card["files"].items():
            print(f"{options.name}: {file['bytes']:,} bytes ({part})")
        print(card["scores"])
        return
    photographs = None
    if options.photographs:
        if not options.source:
            raise ValueError("--photographs is given without --source: say whose they are, and on what terms.")
        train, unseen = (open_pictures(folder) for folder in options.photographs)
        photographs = Photographs(train, unseen, options.source)
    card = ship(
        run,
        options.name,
        options.epochs,
        out,
        options.trained_at,
        curve,
        as_trained=options.as_trained,
        eight_bit=options.eight_bit,
        discriminators=options.discriminators,
        strip=not options.no_strip,
        stand=options.standing,
        photographs=photographs,
    )
    for epoch, files in card["files"].items():
        print(
            f"{options.name} at epoch {epoch}: {files['G']['bytes']:,} bytes (G), "
            f"{files.get('scores', files.get('copies', 'not scored'))}"
        )


def _record_help(options: argparse.Namespace) -> None:
    from gancourse.publishing import recorded_help

    recorded_help.write(recorded_help.record())
    print(f"wrote {recorded_help.PATH}")
