"""LaTeX as MathML, which every current browser shows by itself: pages with equations and no network."""

from __future__ import annotations

import html
import re

from latex2mathml.converter import convert

THIN = '<mspace width="0.167em" />'


def to_mathml(tex: str, display: str = "inline") -> str:
    """MathML of LaTeX; ``\\tag{1.5}`` becomes the equation's number at the right.

    What the converter does not know stays LaTeX, as text.
    """
    tag = re.search(r"\\tag\{([^}]*)\}", tex) if display == "block" and tex.count(r"\tag{") == 1 else None
    body = tex.replace(tag.group(0), "") if tag else tex
    body = re.sub(r"\\(begin|end)\{(?:aligned|align|gathered|gather)\*?\}", r"\\\1{align*}", body)
    body = body.replace(r"\operatorname*", r"\operatorname").replace(r"\lvert", "|").replace(r"\rvert", "|")
    try:
        math = convert(body.strip(), display=display)
    except Exception:  # the converter knows much of LaTeX, not all: the text itself can still be read
        math = f"<code>{html.escape(body)}</code>"
    # Browsers that follow MathML Core ignore columnalign, and centre.
    math = re.sub(r'columnalign="(left|right)"', r'columnalign="\1" style="text-align: \1"', math)
    # A function's name stands off its argument (log d, not logd); not so inside an index.
    math = re.sub(r"(?<!<msub>)(?<!<msup>)(<mi>(?:log|ln|exp|sin|cos|tanh)</mi>)(?=<m[^o])", rf"\1{THIN}", math)
    if display != "block":
        return math
    number = f"<span>({html.escape(tag.group(1))})</span>" if tag else ""
    return f'<span class="equation">{math}{number}</span>'
