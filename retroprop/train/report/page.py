"""The page around a report: its looks, and the few kinds of blocks it is built of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from retroprop.train.charts.svg import THEME, clean

__all__ = ["block", "facts", "figure", "note", "page", "section", "table", "tile", "tiles"]

# One column of text and cards in a grid, which folds on a narrow screen. Fonts are the system's;
# colours are variables, set once for light and once for dark.
STYLE = """
:root{color-scheme:light dark;--back:#f6f7f9;--paper:#fff;--text:#1d2733;--muted:#5c6878;
 --line:#dfe4ea;--first:#1f6feb;--second:#d4660a;--tint:#eaf2fe}
@media (prefers-color-scheme:dark){:root{--back:#0d1117;--paper:#161b22;--text:#e7ebf0;
 --muted:#9aa5b4;--line:#2c343f;--first:#58a6ff;--second:#ffa657;--tint:#16243a}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--text);line-height:1.55;
 font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
 -webkit-text-size-adjust:100%}
main,header,footer{max-width:1080px;margin:0 auto;padding:0 24px}
header{padding-top:44px}
.kicker{margin:0;color:var(--muted);font-size:13px;letter-spacing:.04em}
h1{margin:4px 0 6px;font-size:30px;line-height:1.2;letter-spacing:-.015em;overflow-wrap:anywhere}
.under{margin:0;color:var(--muted)}
h2{margin:44px 0 4px;font-size:20px;letter-spacing:-.01em}
h3{margin:0 0 10px;font-size:14px}
.more{margin:10px 0 0;color:var(--muted);font-size:14px}
.lead{margin:0 0 16px;color:var(--muted);max-width:72ch}
.card{background:var(--paper);border:1px solid var(--line);border-radius:12px;padding:20px;
 min-width:0}
.grid{display:grid;gap:16px;grid-template-columns:repeat(auto-fit,minmax(min(400px,100%),1fr));
 align-items:start}
.grid+.grid,.card+.grid,.grid+.card,section>.card+.card{margin-top:16px}
.stack>.card+.card{margin-top:16px}
h2+.card{margin-top:12px}
.headline{display:flex;gap:28px;align-items:center;margin-top:24px;padding:26px 28px;
 border-left:5px solid var(--first)}
.headline .big{font-size:54px;font-weight:700;letter-spacing:-.03em;line-height:1;
 white-space:nowrap;font-variant-numeric:tabular-nums}
.headline p{margin:0;max-width:62ch}.headline p+p{margin-top:4px;color:var(--muted)}
.headline .say{font-size:18px}
.tiles{display:grid;gap:12px;grid-template-columns:repeat(auto-fit,minmax(142px,1fr));
 margin:16px 0 0;padding:0}
.tiles div{background:var(--paper);border:1px solid var(--line);border-radius:12px;
 padding:12px 16px}
.tiles dt{color:var(--muted);font-size:13px}
.tiles dd{margin:0;font-size:20px;font-weight:600;font-variant-numeric:tabular-nums;
 overflow-wrap:anywhere}
svg.rp-chart{display:block;width:100%;height:auto}
figure{margin:0}figcaption{margin-top:10px;color:var(--muted);font-size:14px;max-width:72ch}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}
th,td{padding:6px 10px;text-align:left;border-bottom:1px solid var(--line);vertical-align:top;
 overflow-wrap:break-word;unicode-bidi:isolate}
td{max-width:22rem}
th{color:var(--muted);font-weight:500;white-space:nowrap}
tr:last-child td{border-bottom:0}
.r{text-align:right;white-space:nowrap}
.from{white-space:nowrap;color:var(--muted)}
.meter{position:relative;min-width:84px}
.meter i{position:absolute;left:6px;top:5px;bottom:5px;background:var(--first);opacity:.2;
 border-radius:3px;max-width:calc(100% - 12px)}
.bad{color:var(--second);font-weight:600}
.facts{display:grid;grid-template-columns:minmax(9em,max-content) 1fr;gap:5px 18px;margin:0;
 font-size:14px}
.facts dt{color:var(--muted)}.facts dd{margin:0;overflow-wrap:anywhere}
ul.notes{margin:0;padding-left:1.2em;font-size:14px}ul.notes li+li{margin-top:4px}
.shots{display:grid;gap:14px 12px;grid-template-columns:repeat(auto-fill,minmax(104px,1fr));
 margin:0;padding:0;list-style:none}
.shots li{font-size:12.5px;line-height:1.35;min-width:0;overflow-wrap:anywhere}
.shots img{display:block;width:100%;aspect-ratio:1;object-fit:contain;image-rendering:pixelated;
 background:var(--back);border:1px solid var(--line);border-radius:8px;margin-bottom:5px}
.shots small{color:var(--muted);display:block;font-size:11.5px}
pre{margin:0;overflow-x:auto;font:12.5px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
pre.prose{white-space:pre-wrap;max-width:96ch;overflow-wrap:anywhere}
details>summary{cursor:pointer;color:var(--muted);font-size:14px}
details[open]>summary{margin-bottom:12px}
footer{color:var(--muted);font-size:13px;padding-top:36px;padding-bottom:44px}
@media (max-width:640px){main,header,footer{padding-left:14px;padding-right:14px}
 header{padding-top:24px}h1{font-size:24px}.card{padding:14px}
 .headline{display:block;padding:18px}.headline .big{font-size:44px;margin-bottom:10px}
 .headline .say{font-size:17px}.facts{grid-template-columns:1fr;gap:0}.facts dd{margin-bottom:8px}
 .wide svg.rp-chart{min-width:480px}}
@media print{:root{--back:#fff;--paper:#fff;--text:#000;--muted:#444;--line:#ccc;--first:#1f6feb;
 --second:#d4660a}body{font-size:11pt}.card,.tiles div{break-inside:avoid}
 h2,.lead{break-after:avoid;break-inside:avoid}.meter{min-width:52px}
 .scroll{overflow:visible}h2{margin-top:20px}header{padding-top:0}.headline .big{font-size:32pt}
 main,header,footer{padding-left:0;padding-right:0}.grid{grid-template-columns:1fr 1fr;gap:10px}
 .card{padding:12px}table,.facts,figcaption,ul.notes{font-size:8.5pt}th,td{padding:3px 5px}
 pre{white-space:pre-wrap;font-size:7.5pt}.shots{grid-template-columns:repeat(8,1fr)}
 *{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
"""

# Even if a text got through unescaped, nothing could run or be loaded.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def page(title: str, header: str, body: str, footer: str) -> str:
    """The whole document; `header`, `body` and `footer` are markup.

    Example:
        >>> page("A < B", "", "", "").count("A &lt; B")
        1
    """
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{clean(title)}</title>\n<style>{STYLE}{THEME}</style>\n</head>\n<body>\n"
        f"<header>{header}</header>\n<main>{body}</main>\n<footer>{footer}</footer>\n"
        "</body>\n</html>\n"
    )


def section(title: str, lead: str, *blocks: str) -> str:
    """A heading, a sentence under it, and blocks of markup; nothing when there are no blocks.

    Example:
        >>> section("Title", "What this is.", "")
        ''
    """
    shown = "\n".join(part for part in blocks if part)
    if not shown:
        return ""
    under = f'<p class="lead">{clean(lead)}</p>' if lead else ""
    return f"<section>\n<h2>{clean(title)}</h2>\n{under}\n{shown}\n</section>\n"


def block(content: str, title: str = "", *, kind: str = "") -> str:
    """A card with markup in it.

    Example:
        >>> block("text", "Title")
        '<div class="card"><h3>Title</h3>text</div>'
    """
    heading = f"<h3>{clean(title)}</h3>" if title else ""
    style = f"card {kind}".strip()
    return f'<div class="{style}">{heading}{content}</div>' if content else ""


def figure(chart: str, caption: str = "", *, wide: bool = False) -> str:
    """A chart in a card; a wide one may be scrolled on a narrow screen."""
    words = f"<figcaption>{clean(caption)}</figcaption>" if caption else ""
    inner = f'<div class="scroll wide">{chart}</div>' if wide else chart
    return f'<figure class="card">{inner}{words}</figure>'


def tile(name: str, value: str) -> str:
    """One number with its name."""
    return f"<div><dt>{clean(name)}</dt><dd>{clean(value)}</dd></div>"


def tiles(values: Mapping[str, str]) -> str:
    """A row of numbers with their names.

    Example:
        >>> tiles({"epochs": "12"})
        '<dl class="tiles"><div><dt>epochs</dt><dd>12</dd></div></dl>'
    """
    inner = "".join(tile(name, value) for name, value in values.items())
    return f'<dl class="tiles">{inner}</dl>' if inner else ""


def facts(values: Mapping[str, object]) -> str:
    """Names with what is known of them, one under the other.

    Example:
        >>> facts({"file": "a.csv"})
        '<dl class="facts"><dt>file</dt><dd>a.csv</dd></dl>'
    """
    inner = "".join(f"<dt>{clean(k)}</dt><dd>{clean(v)}</dd>" for k, v in values.items())
    return f'<dl class="facts">{inner}</dl>' if inner else ""


def note(texts: Iterable[str]) -> str:
    """A list of remarks.

    Example:
        >>> note(["one"])
        '<ul class="notes"><li>one</li></ul>'
    """
    inner = "".join(f"<li>{clean(each)}</li>" for each in texts)
    return f'<ul class="notes">{inner}</ul>' if inner else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, right: Iterable[int] = ()) -> str:
    """A table whose cells are markup (the head is text); columns in `right` hold numbers.

    Example:
        >>> table(["a"], [["<b>1</b>"]], right=[0]).count("<b>")
        1
    """
    numeric = set(right)

    def line(cells: Sequence[str], tag: str) -> str:
        parts = []
        for index, cell in enumerate(cells):
            style = ' class="r"' if index in numeric else ""
            parts.append(cell if cell.startswith("<td") else f"<{tag}{style}>{cell}</{tag}>")
        return f"<tr>{''.join(parts)}</tr>"

    top = line([clean(each) for each in head], "th")
    inner = "".join(line(row, "td") for row in rows)
    return f'<div class="scroll"><table><thead>{top}</thead><tbody>{inner}</tbody></table></div>'
