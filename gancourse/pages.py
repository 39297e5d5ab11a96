"""The notebooks as web pages that need no network, and the index page of the course.

nbconvert's own pages load MathJax, require.js and Mermaid from the network. Here equations become MathML,
which every current browser shows by itself, and the scripts are left out.
"""

from __future__ import annotations

import base64
import html
import io
import re
from pathlib import Path
from typing import Any

from jinja2 import DictLoader
from latex2mathml.converter import convert
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from PIL import Image

from gancourse import notebooks

TEMPLATE = """{% extends 'lab/index.html.j2' %}
{%- block html_head_js -%}{%- endblock -%}
{%- block jupyter_widgets -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
{%- block html_head_css -%}<style>
body.jp-Notebook { max-width: 60rem; margin: 0 auto; }
.equation { display: flex; align-items: center; margin: 0.8em 0; overflow: auto hidden; }
.equation math { flex: 1; }
.jp-OutputArea-output img { max-width: 100%; height: auto; }
</style>{%- endblock -%}
{%- block data_latex -%}
<div class="jp-RenderedLatex jp-OutputArea-output">{{ output.data['text/latex'] | mathml }}</div>
{%- endblock -%}
{%- block data_png scoped -%}
<div class="jp-RenderedImage jp-OutputArea-output {{ extra_class }}">
<img src="data:image/png;base64,{{ output.data['image/png'] | escape_html }}"
 alt="{{ (output | get_metadata('alt', 'image/png') or '') | escape_html }}">
</div>
{%- endblock -%}
"""

THIN = '<mspace width="0.167em" />'

INDEX = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>gancourse</title><style>
body {{ font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 60rem; margin: 2rem auto; }}
ol {{ list-style: none; padding: 0; }}
li {{ display: flex; gap: 1.5rem; align-items: center; border-top: 1px solid #ddd; padding: 1rem 0; }}
li .picture {{ flex: 0 0 240px; }}
li img {{ max-width: 240px; max-height: 180px; display: block; margin: auto; }}
.failed {{ color: #a40000; font-weight: bold; }}
p {{ margin: 0.2rem 0; }}
</style></head><body>
<h1>gancourse</h1>
<p>Generative adversarial networks, from the minimax game to DCGAN, in notebooks that run.</p>
<ol>
{items}
</ol></body></html>
"""


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


class _Renderer(IPythonRenderer):
    def inline_math(self, body: str) -> str:
        return to_mathml(body)

    def block_math(self, body: str) -> str:
        return to_mathml(body, "block")

    def latex_environment(self, name: str, body: str) -> str:
        return to_mathml(f"\\begin{{{name}}}{body}\\end{{{name}}}", "block")


def _latex_output(text: str) -> str:
    return to_mathml(re.sub(r"^\$+|\$+$", "", text.strip()).replace(r"\displaystyle", ""), "block")


def _markdown(text: str) -> str:
    page = MarkdownWithMath(renderer=_Renderer(escape=False)).render(text)
    return re.sub(r'href="(?:\./)?(\d\d_\w+)\.ipynb(?=[#"])', r'href="\1.html', page)  # from page to page


def write_page(path: Path, folder: Path) -> Path:
    """Write the notebook ``path`` as ``folder/NAME.html``, complete in itself."""
    exporter = HTMLExporter(
        template_name="lab",
        template_file="course.html.j2",
        extra_loaders=[DictLoader({"course.html.j2": TEMPLATE})],
    )
    exporter.register_filter("markdown2html", _markdown)
    exporter.register_filter("mathml", _latex_output)
    notebook = notebooks.tidy(notebooks.read(path))
    notebook.metadata["title"] = title(notebook, path.stem)
    body, _ = exporter.from_notebook_node(notebook)
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / f"{path.stem}.html"
    page.write_text(body, encoding="utf-8")
    return page


def write_index(records: list[dict[str, Any]], executed: Path, folder: Path) -> Path:
    """Write ``folder/index.html``: title, minutes, status and a picture for each of ``pipeline.course``'s."""
    items = []
    for record in records:
        path = executed / f"{record['name']}.ipynb"
        notebook = notebooks.read(path) if path.exists() else None
        heading = html.escape(title(notebook, record["name"]))
        if (folder / f"{record['name']}.html").exists():
            heading = f'<a href="{record["name"]}.html">{heading}</a>'
        facts = [f'<span class="{record["status"].split()[0]}">{html.escape(record["status"])}</span>']
        if record["seconds"] is not None:
            facts.append(f"{record['seconds'] / 60:.1f} minutes")
        if record["profile"]:
            facts.append(f"profile {html.escape(record['profile'])}")
        items.append(
            f'<li><div class="picture">{thumbnail(notebook)}</div>'
            f"<div><h2>{heading}</h2><p>{' · '.join(facts)}</p></div></li>"
        )
    folder.mkdir(parents=True, exist_ok=True)
    index = folder / "index.html"
    index.write_text(INDEX.format(items="\n".join(items)), encoding="utf-8")
    return index


def title(notebook: notebooks.Notebook | None, otherwise: str) -> str:
    """The notebook's first heading, as plain text."""
    for cell in notebook.cells if notebook is not None else []:
        found = re.search(r"^# +(.+)$", cell.source, re.MULTILINE) if cell.cell_type == "markdown" else None
        if found:
            return found.group(1).strip()
    return otherwise


def thumbnail(notebook: notebooks.Notebook | None, size: int = 480) -> str:
    """The notebook's last picture as an ``img`` element at most ``size`` pixels wide, or an empty string."""
    for cell in reversed(notebook.cells if notebook is not None else []):
        for output in reversed(cell.get("outputs", [])):
            data = output.get("data", {}).get("image/png")
            if not data:
                continue
            picture = Image.open(io.BytesIO(base64.b64decode(data)))
            picture.thumbnail((size, size))
            buffer = io.BytesIO()
            picture.save(buffer, "PNG")
            alt = output.get("metadata", {}).get("image/png", {}).get("alt", "")
            code = base64.b64encode(buffer.getvalue()).decode()
            return f'<img src="data:image/png;base64,{code}" alt="{html.escape(alt, quote=True)}">'
    return ""
