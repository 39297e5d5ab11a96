"""What stands between quotes beside P1 to P4 are their words: every quotation against tests/quotations.json.

The convention: text between double quotes, in a sentence or a table's row that names P1, P2, P3 or P4, is a quotation
of one of the papers that it names. What we mean in no paper's words stands in italics, or without quotes.
"""

import json
import re
from pathlib import Path

import pytest

from gancourse.course import claims

ROOT = Path(__file__).parents[1]
LISTED = json.loads((ROOT / "tests" / "quotations.json").read_text(encoding="utf-8"))
FILES = [*sorted((ROOT / "notebooks" / "src").glob("*.py")), ROOT / "README.md", *sorted(ROOT.glob("notebooks/*.md"))]
_PAPER, _QUOTE = re.compile(r"\bP([1-4])\b"), re.compile(r'["\u201c]([^"\u201c\u201d]{2,160})["\u201d]')
_END = re.compile(r"""(?<=[.!?])["\u201d*)]*\s+(?=[("\u201c*$A-Z`])""")


def prose(path):
    """The text of a notebook's Markdown cells, or of a Markdown file without code: paragraphs, rows and list items."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        cells = re.split(r"(?m)^# %%", text)
        text = "\n\n".join(re.sub(r"(?m)^# ?", "", c.partition("\n")[2]) for c in cells if c.startswith(" [markdown]"))
    text = re.sub(r"(?s)```.*?```|<!-- claims:.*?<!-- end of claims -->|`[^`\n]*`", "", text)  # code quotes nobody
    blocks = re.split(r"\n\s*\n|\n(?=\s*(?:[-*>|#]|\d+\.) ?)", text)
    return [" ".join(block.split()) for block in blocks]


def quotations(blocks):
    """(papers named, phrase) of each quotation: the papers are those of its sentence, in a table those of its row.

    In a table whose head names one paper, every row is about it.
    """
    found: list[tuple[set[str], str]] = []
    head: set[str] = set()
    for block in blocks:
        row = block.startswith("|")
        head = (head or set(_PAPER.findall(block))) if row else set()
        for sentence in [block] if row else _split(block):
            papers = set(_PAPER.findall(sentence)) or head
            found += [(papers, p) for p in _QUOTE.findall(sentence) if papers and not _PAPER.fullmatch(p)]
    return found


def _split(block):
    """Sentences; one that begins with a paper in brackets, as after a list's quotation, joins the one before."""
    sentences: list[str] = []
    for sentence in _END.split(block):
        if sentences and sentence.startswith("(") and _PAPER.match(sentence[1:]):
            sentences[-1] += " " + sentence
        else:
            sentences.append(sentence)
    return sentences


def plain(phrase):
    """A phrase without mathematics' markup, capitals and its last punctuation."""
    phrase = re.sub(r"\\text\{(\w+)\}", r"\1", phrase).replace("$", "").replace("\\", "")
    return " ".join(phrase.lower().split()).strip(" .,;:!?")


def foreign(found):
    """The quotations that no paper named beside them has, as lines for a message."""
    ours = {plain(phrase) for phrase in LISTED["ours"]}
    return [
        f'"{phrase}" beside {", ".join(f"P{n}" for n in sorted(papers))}'
        for papers, phrase in found
        if plain(phrase) not in ours | {plain(p) for n in papers for p in LISTED[f"P{n}"]}
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_quotation_is_in_its_papers_list(path):
    wrong = foreign(quotations(prose(path)))
    assert not wrong, (
        f"{path.name} quotes what no list in tests/quotations.json has: {'; '.join(wrong)}. Quote a paper's own "
        "words, or take the quotes away (italics for words of ours)."
    )


def test_the_claims_are_paraphrases_or_listed():
    texts = [f"{claim.paper}: {text}" for claim in claims.CLAIMS for text in (claim.says, claim.rule)]
    assert not foreign(quotations(texts))
    for claim in claims.CLAIMS:
        assert "P3" not in claim.paper or "sharper" not in claim.says  # P3 says better and less noisy, never this


def test_the_check_can_fail():
    wrong = ['P3 finds DCGAN "sharper", not only "less noisy".', "A new sentence."]
    assert foreign(quotations(wrong)) == ['"sharper" beside P3']
    assert not foreign(
        quotations(['P1 finds it "sharper". P3 says "less noisy." We say *crisper*, in nobody\'s "words".'])
    )
    assert foreign(quotations(['1. *"The best $D$ is known"* (P1).'])) == ['"The best $D$ is known" beside P1']
    assert not foreign(quotations(['1. *"The optimal $D$ is obtained when $p_g = p_\\text{data}$"* (P1).']))
    table = ["| P1 says | we |", "|---|---|", '| "wrong words" | right ones |', 'Then "free" again.']
    assert foreign(quotations(table)) == ['"wrong words" beside P1']
    assert foreign(quotations(['P1 and P4: "white blobs", "for G and D", "min-max".'])) == ['"min-max" beside P1, P4']


def test_there_are_quotations_to_check():
    found = [pair for path in FILES for pair in quotations(prose(path))]
    assert len(found) > 8 and {n for papers, _ in found for n in papers} >= {"1", "3", "4"}
