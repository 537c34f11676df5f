"""Pieces of SVG: escaped text, elements, the frame of a picture, and its colours."""

from __future__ import annotations

import html
import re

__all__ = ["THEME", "clean", "clipped", "document", "element", "text_width"]

# Charts inside a page take the page's colours when it sets the variables, else these. Light and
# dark; the two series differ in lightness as well as hue (for print and colour-blind eyes).
THEME = """
.rp-chart{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
 --c-text:var(--text,#1d2733);--c-muted:var(--muted,#5c6878);--c-line:var(--line,#dfe4ea);
 --c-paper:var(--paper,#fff);--c-0:var(--first,#1f6feb);--c-1:var(--second,#d4660a)}
.rp-chart text{fill:var(--c-muted)}
.rp-chart .title{fill:var(--c-text);font-size:14px;font-weight:600}
.rp-chart .name{fill:var(--c-text)}
.rp-chart .grid{stroke:var(--c-line);stroke-width:1}
.rp-chart .axis{stroke:var(--c-muted);stroke-width:1}
.rp-chart .mark{stroke:var(--c-text);stroke-width:1;stroke-dasharray:3 3}
.rp-chart .line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
.rp-chart .s0{stroke:var(--c-0)}.rp-chart .s1{stroke:var(--c-1)}
.rp-chart .f0{fill:var(--c-0)}.rp-chart .f1{fill:var(--c-1)}
.rp-chart .dot{stroke:var(--c-paper);stroke-width:1}
.rp-chart .on{fill:#fff;font-weight:600}.rp-chart .off{fill:var(--c-text)}
@media (prefers-color-scheme:dark){.rp-chart{
 --c-text:var(--text,#e7ebf0);--c-muted:var(--muted,#9aa5b4);--c-line:var(--line,#2c343f);
 --c-paper:var(--paper,#161b22);--c-0:var(--first,#58a6ff);--c-1:var(--second,#ffa657)}
.rp-chart .on{fill:#0d1117}}
"""

# XML has no way to write these characters, not even escaped.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
# Marks that change the direction of the text after them, out of the label they stand in.
_DIRECTION = re.compile("[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]")


def clean(text: object) -> str:
    """Any text, safe inside HTML and SVG, attributes included.

    Example:
        >>> clean('<b onclick="x">')
        '&lt;b onclick=&quot;x&quot;&gt;'
    """
    plain = _DIRECTION.sub("", _UNPRINTABLE.sub("\ufffd", str(text)))
    return html.escape(plain, quote=True)


def clipped(text: object, length: int) -> str:
    """The text, cut to `length` characters with an ellipsis; not escaped.

    Example:
        >>> clipped("a long name", 7)
        'a long…'
    """
    plain = str(text)
    return plain if len(plain) <= length else plain[: max(length - 1, 0)].rstrip() + "…"


def element(tag: str, content: str = "", /, **attributes: object) -> str:
    """An element; `content` is markup already, attributes are escaped here.

    Underscores become hyphens, one at the end is dropped (`class_`); numbers are kept short.

    Example:
        >>> element("line", x1=0, y1=2.50001, class_="grid", text_anchor="end")
        '<line x1="0" y1="2.5" class="grid" text-anchor="end"/>'
    """
    parts = [tag]
    for name, value in attributes.items():
        if value is None:
            continue
        spelled = f"{round(value, 2):g}" if isinstance(value, float) else clean(value)
        parts.append(f'{name.rstrip("_").replace("_", "-")}="{spelled}"')
    start = " ".join(parts)
    return f"<{start}>{content}</{tag}>" if content else f"<{start}/>"


def text_width(text: str, size: float = 12.0) -> float:
    """About how wide a text is, in pixels, in any usual font.

    Example:
        >>> text_width("ab") < text_width("abc")
        True
    """
    return 0.56 * size * len(text)


def document(
    width: float,
    height: float,
    body: str,
    *,
    title: str,
    description: str = "",
    standalone: bool = False,
) -> str:
    """A whole picture, as wide as the place it is put in, at most at full size.

    Args:
        width, height: in pixels, at full size.
        body:        markup.
        title:       its name, for screen readers too.
        description: what can be seen in it, in words.
        standalone:  a file of its own: brings its colours, size and background.

    Example:
        >>> document(10, 5, "", title="nothing")[:50]
        '<svg viewBox="0 0 10 5" class="rp-chart" role="img'
    """
    named = element("title", clean(title))
    described = element("desc", clean(description)) if description else ""
    style = background = ""
    extra: dict[str, object] = {"style": f"max-width:{width:g}px"}  # letters of one size
    if standalone:
        style = element("style", THEME)
        paper = "fill:var(--c-paper)"
        background = element("rect", width="100%", height="100%", style=paper)
        extra = {"xmlns": "http://www.w3.org/2000/svg", "width": width, "height": height}
    label = f"{title}. {description}" if description else title
    return element(
        "svg",
        style + named + described + background + body,
        viewBox=f"0 0 {width:g} {height:g}",
        class_="rp-chart",
        role="img",
        aria_label=label,
        **extra,
    )
