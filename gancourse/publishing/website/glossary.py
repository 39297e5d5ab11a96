"""The glossary of the site: the words that the lessons introduce in bold, each with the sentence that does so."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass

from gancourse.publishing import notebooks
from gancourse.publishing.website import pages

# As it stands in bold in a lesson -> as it stands in the glossary. What is bold for another reason is not here.
TERMS: dict[str, str] = {
    "generator": "generator, G",
    "discriminator": "discriminator, D",
    "profile": "profile of a run",
    "implicit model": "implicit model",
    "Lipschitz": "Lipschitz constant",
    "value": "value of the game",
    "noise-contrastive estimation": "noise-contrastive estimation",
    "Jensen-Shannon divergence": "Jensen-Shannon divergence, JSD",
    "Nash equilibrium": "Nash equilibrium",
    "f-GAN": "f-GAN",
    "envelope theorem": "envelope theorem",
    "saturating": "saturating loss",
    "non-saturating": "non-saturating loss",
    "bilinear game": "bilinear game",
    "simultaneous": "simultaneous steps",
    "alternating": "alternating steps",
    "extragradient": "extragradient",
    "mode collapse": "mode collapse",
    "LeakyReLU": "LeakyReLU",
    "distance between samples": "distance between samples",
    "R1": "R1",
    "transposed convolution": "transposed convolution",
    "Adam": "Adam",
    "spectrum": "spectrum of images",
    "receptive field": "receptive field",
    "factors": "factors of a church",
    "accumulated": "accumulated gradients",
    "variety of samples": "variety of samples",
    "grain": "grain",
    "reader": "reader of churches",
    "DiffAugment": "DiffAugment",
    "floor": "floor of a score",
    "features": "features",
    "FID": "FID",
    "classifier distance": "classifier distance",
    "KID": "KID",
    "Inception score": "Inception score",
    "Precision": "precision",
    "recall": "recall",
    "lerp": "lerp",
    "slerp": "slerp",
    "perceptual path length": "perceptual path length",
    "SeFa": "SeFa",
    "Stein's identity": "Stein's identity",
    "critic": "critic",
    "earth mover's distance": "earth mover's distance",
    "plan": "plan of transport",
    "linear programme": "linear programme",
    "1-Lipschitz": "1-Lipschitz",
    "Clipping": "clipping of weights",
    "Gradient penalty": "gradient penalty",
    "Spectral normalisation": "spectral normalisation",
    "Hinge": "hinge loss",
    "Least squares": "least-squares loss",
    "Relativistic pairs": "relativistic pairs",
    "Stacked MNIST": "Stacked MNIST",
    "packing": "packing",
    "label map": "label map",
    "U-Net": "U-Net",
    "skips": "skips",
    "dropout": "dropout",
    "pool": "pool of fakes",
    "InstanceNorm": "InstanceNorm",
    "SRResNet": "SRResNet",
    "PixelShuffle": "PixelShuffle",
    "ICNR": "ICNR",
    "content loss": "content loss",
    "window reader": "window reader",
    "hallucinated": "hallucinated detail",
    "mapping": "mapping, of z to w",
    "equalised rate": "equalised rate",
    "AdaIN": "AdaIN",
    "noise": "noise in the layers",
    "ToRGB": "ToRGB",
    "style mixing": "style mixing",
    "embedding": "embedding of a class",
    "skip-z": "skip-z",
    "projection": "projection on a class",
    "orthogonal": "orthogonal weights",
    "standing statistics": "standing statistics",
    "heads": "heads of a discriminator",
    "gain": "gain",
    "leak": "leak",
    "diffusion models": "diffusion models",
    "distilled": "distillation",
}
_END = re.compile(r'(?<! al)[.?!]["”]?\)?(?:\*\*)?(?= +[A-Z$*(“"]|$)')
_SHORT = 60  # letters: a sentence of fewer hardly explains a word, and brings the next one
_PARAGRAPH = re.compile(r"\n[ \t]*\n|\n(?=[ \t]*- )")


@dataclass(frozen=True)
class Entry:
    """A word, as it stands in a lesson; says: the sentence that introduces it, in Markdown; lesson: where that is."""

    term: str
    says: str
    lesson: str


def found(lessons: Mapping[str, notebooks.Notebook | None]) -> list[Entry]:
    """The words of TERMS that these lessons introduce, by the alphabet; lessons: name -> notebook, in reading order."""
    entries: dict[str, Entry] = {}
    for lesson, notebook in lessons.items():
        for cell in notebook.cells if notebook is not None else []:
            if cell.cell_type != "markdown":
                continue
            for term in set(re.findall(r"\*\*([^*\n]+)\*\*", cell.source)) & TERMS.keys() - entries.keys():
                entries[term] = Entry(term, sentence(cell.source, term), lesson)
    return sorted(entries.values(), key=lambda entry: TERMS[entry.term].lower())


def sentence(text: str, term: str) -> str:
    """The sentence of a Markdown text in which a word is first bold, with the equation that it leads to."""
    parts = _PARAGRAPH.split(text)
    at = next(i for i, part in enumerate(parts) if f"**{term}**" in part)
    flat = re.sub(r"^- ", "", " ".join(parts[at].split()))
    place = flat.index(f"**{term}**")
    begin = max([0, *(match.end() for match in _END.finditer(flat) if match.end() <= place)])
    ends = [match.end() for match in _END.finditer(flat) if match.end() > place + len(term) + 2] or [len(flat)]
    end = ends[1] if ends[0] - begin < _SHORT and len(ends) > 1 else ends[0]
    says = flat[begin:end].strip()
    if says.count("(") < says.count(")") and says.endswith(")"):
        says = says[:-1]
    following = parts[at + 1].strip() if at + 1 < len(parts) else ""
    if end == len(flat) and not re.search(r"[.?!]\)?$", says) and following.startswith("$$"):
        return f"{says}\n\n{following}"
    if end == len(flat) and len(says) < _SHORT and re.match(r"[A-Z$`]", following) and not following.startswith("$$"):
        more = " ".join(following.split())
        says += " " + more[: next((match.end() for match in _END.finditer(more)), len(more))]
    return re.sub(r"[;:,]$", ".", says)


def anchor(term: str) -> str:
    """The id that a word has in the page of the lesson that introduces it."""
    return "term-" + re.sub(r"[^a-z0-9]+", "-", term.lower()).strip("-")


def with_anchors(page: str) -> str:
    """A page's HTML with an id where a word of TERMS is bold for the first time."""
    for term in TERMS:
        if f'id="{anchor(term)}"' in page:
            continue
        bold = f"<strong>{html.escape(term, quote=False)}</strong>"
        page = page.replace(bold, f'<strong id="{anchor(term)}">{bold[8:]}', 1)
    return page


def body(entries: list[Entry], titles: Mapping[str, str]) -> str:
    """The glossary as HTML. titles: lesson -> its title."""
    parts = [
        f'<dt id="{anchor(entry.term)}">{html.escape(TERMS[entry.term])}</dt><dd>{pages.markdown(entry.says)}'
        f'<p class="facts"><a href="{entry.lesson}.html#{anchor(entry.term)}">{html.escape(titles[entry.lesson])}</a>'
        "</p></dd>"
        for entry in entries
    ]
    return (
        f'<h1 id="Glossary">Glossary</h1>\n<p>{len(entries)} words that the lessons introduce, each with the sentence '
        f'that does so. The link leads to the place.</p>\n<dl class="glossary">{"".join(parts)}</dl>'
    )
