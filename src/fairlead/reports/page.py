"""One HTML file that needs nothing else: text, tables and SVG plots; no script, no network, light, printable."""

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from fairlead.errors import error

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1d2733; background: #fff; margin: 0 auto; padding: 2rem 1.5rem;
  max-width: 62rem; }
h1 { font-size: 1.7rem; margin: 0 0 .3rem; } h2 { font-size: 1.2rem; margin: 2.2rem 0 .5rem; }
.subtitle { color: #5a6875; margin: 0 0 1.5rem; }
.note { color: #5a6875; font-size: .9rem; }
.verdict { background: #eef4fb; border-left: 4px solid #2f6fb0; padding: .7rem 1rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .92rem; margin: .5rem 0; }
th, td { padding: .3rem .75rem; text-align: right; border-bottom: 1px solid #dde3e9; white-space: nowrap; }
th { border-bottom: 2px solid #9aa7b3; vertical-align: bottom; }
.left { text-align: left; }
figure { margin: 1rem 0; } figure svg { max-width: 100%; height: auto; }
figcaption { color: #5a6875; font-size: .9rem; }
@media print { body { padding: 0; } figure, table { break-inside: avoid; } }
"""


class Page:
    """A page that grows from top to bottom. All text is escaped; only `figure` takes markup, from `plots`."""

    def __init__(self, title: str, subtitle: str = "") -> None:
        self._title = title
        self._parts = [f"<h1>{escape(title)}</h1>"]
        if subtitle:
            self._parts.append(f'<p class="subtitle">{escape(subtitle)}</p>')

    def heading(self, text: str) -> None:
        """Begins a section."""
        self._parts.append(f"<h2>{escape(text)}</h2>")

    def text(self, text: str, kind: str = "") -> None:
        """A paragraph; `kind` may be "note" or "verdict"."""
        attribute = f' class="{escape(kind)}"' if kind else ""
        self._parts.append(f"<p{attribute}>{escape(text)}</p>")

    def table(self, headers: Sequence[str], rows: Iterable[Sequence[object]], *, left: int = 1) -> None:
        """A table, the first `left` columns flush left; a row of another length than the headers is a ValueError."""
        lines = [_row("th", headers, left)]
        for row in rows:
            if len(row) != len(headers):
                raise ValueError(f"{len(row)} cells in a row of {len(headers)} columns")
            lines.append(_row("td", row, left))
        self._parts.append(f'<div class="scroll"><table>{"".join(lines)}</table></div>')

    def figure(self, svg: str, caption: str = "") -> None:
        """A plot with a caption that says what to see in it."""
        below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
        self._parts.append(f"<figure>{svg}{below}</figure>")

    def html(self) -> str:
        """The whole file."""
        return (
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{escape(self._title)}</title><style>{_STYLE}</style></head>\n<body>\n"
            + "\n".join(self._parts)
            + "\n</body></html>\n"
        )

    def write(self, path: Path) -> None:
        """Writes the file. Raises InvalidArgument (INVALID_FIELD) when that cannot be."""
        try:
            path.write_text(self.html(), encoding="utf-8")
        except OSError as failure:
            raise error("INVALID_FIELD", f"cannot write the report {path}: {failure.strerror or failure}") from failure


def _row(tag: str, cells: Sequence[object], left: int) -> str:
    shown = []
    for number, cell in enumerate(cells):
        attribute = ' class="left"' if number < left else ""
        shown.append(f"<{tag}{attribute}>{escape('' if cell is None else str(cell))}</{tag}>")
    return f"<tr>{''.join(shown)}</tr>"
