"""A badge: what the runs prove in a few words, drawn, and for shields.io's endpoint badge."""

from collections.abc import Sequence
from html import escape

from .run import Run
from .summary import CONFORMANT, FAILED, NOT_RUN, PARTIAL, label, summarize

_WORST_FIRST = (FAILED, PARTIAL, NOT_RUN, CONFORMANT)
# White text on each has a contrast of 4.5 or more.
_COLOURS = {CONFORMANT: "#1a7f37", PARTIAL: "#9a6700", FAILED: "#cf222e", NOT_RUN: "#57606a"}
_LEFT = "#24292f"
_NARROW = frozenset(" fijlrtI.,:'-=")
_MARGIN = 6.0


def endpoint(runs: Sequence[Run]) -> dict[str, object]:
    """Give what shields.io's endpoint badge reads."""
    left, right, word = _said(runs)
    return {"schemaVersion": 1, "label": left, "message": right, "color": _COLOURS[word].removeprefix("#")}


def svg(runs: Sequence[Run]) -> str:
    """Draw it."""
    left, right, word = _said(runs)
    split, end = _wide(left), _wide(left) + _wide(right)
    texts = [(left, split / 2, _wide(left)), (right, (split + end) / 2, _wide(right))]
    drawn = "".join(
        f'<text x="{middle:g}" y="14" textLength="{wide - 2 * _MARGIN:g}" lengthAdjust="spacingAndGlyphs">'
        f"{escape(text)}</text>"
        for text, middle, wide in texts
    )
    said = escape(f"{left}: {right}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{end:g}" height="20" role="img" aria-label="{said}">'
        f'<title>{said}</title><rect width="{end:g}" height="20" rx="3" fill="{_COLOURS[word]}"/>'
        f'<path d="M3 0H{split:g}V20H3a3 3 0 0 1-3-3V3a3 3 0 0 1 3-3z" fill="{_LEFT}"/>'
        '<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
        f"{drawn}</g></svg>\n"
    )


def _said(runs: Sequence[Run]) -> tuple[str, str, str]:
    summaries = [summarize(run) for run in runs]
    word = min((each.word for each in summaries), key=_WORST_FIRST.index, default=NOT_RUN)
    if len(runs) != 1:
        conformant = sum(each.word == CONFORMANT for each in summaries)
        return "vifkit", f"{conformant} of {len(runs)} conformant", word
    (summary,) = summaries
    right = {
        CONFORMANT: "conformant",
        PARTIAL: f"partial, {len(summary.profiles)} of {summary.of} profiles",
        FAILED: f"{summary.counts['failed']} failed" if summary.counts["failed"] else "not a sound run",
        NOT_RUN: "not run",
    }[word]
    return f"vifkit {label(runs[0])}", right, word


def _wide(text: str) -> float:
    """Tell how wide a text of 11 px is in Verdana, about, with its margins; textLength makes it so."""
    return round(sum(4.3 if letter in _NARROW else 7.1 for letter in text) + 2 * _MARGIN, 1)
