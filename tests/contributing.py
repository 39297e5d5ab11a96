"""CONTRIBUTING.md taken apart: the files that it builds for its toy, the commands that it gives, what it says beside.

A block of Python is a file, or a part of one, named in its first line; a name with two blocks is a mistake.
"""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / ".github" / "CONTRIBUTING.md"
TOY = "99"  # the toy's lesson: no real one will ever have its number


def blocks(text: str, language: str) -> list[str]:
    """The blocks of code in a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def files(text: str) -> dict[str, str]:
    """File -> what the page puts there. Raises ValueError where a block names none, or one that was there before."""
    found: dict[str, str] = {}
    for block in blocks(text, "python"):
        head, _, body = block.partition("\n")
        name = re.fullmatch(r"# ([\w./-]+\.py)", head)
        if name is None or name[1] in found:
            raise ValueError(f"a block begins with {head!r}, expected the name of a file that no other block has.")
        found[name[1]] = body.strip("\n") + "\n"
    return found


def commands(text: str) -> list[str]:
    """The lines of all blocks of shell, without their comments."""
    lines = [line.split(" # ")[0].strip() for block in blocks(text, "sh") for line in block.splitlines()]
    return [line for line in lines if line]


def named(text: str) -> set[str]:
    """Files and folders that the page names, in words, links or commands, from the root of the repository."""
    prose = re.sub(r"^```\w+\n.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    spans = re.findall(r"`([^`\n]+)`", prose)
    words = {word for span in [*spans, *commands(text)] for word in span.split()}
    links = {link for link in re.findall(r"\]\(([^)#\s]+)\)", prose) if "://" not in link}
    return set(filter(_path, words)) | {(PAGE.parent / link).resolve().relative_to(ROOT).as_posix() for link in links}


def _path(word: str) -> bool:
    """Whether a word is a path from the root: it begins with a folder there, or it is a file with a usual ending."""
    if re.fullmatch(r"[\w.-]+(/[\w.-]*)+", word):
        return (ROOT / word.split("/")[0]).is_dir() or word.endswith("/")
    return re.fullmatch(r"\w[\w-]*\.(py|md|ipynb|json|txt|toml)", word) is not None


TEXT = PAGE.read_text(encoding="utf-8")
FILES = files(TEXT)
COMMANDS = commands(TEXT)
