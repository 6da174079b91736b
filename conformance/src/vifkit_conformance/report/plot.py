"""A measured rate over time as an SVG: a line, the limits beside it, and the same in words."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import ceil, floor, log10
from typing import Any

from markupsafe import Markup

from netqos.render import human_rate

_WIDTH, _HEIGHT = 420, 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 66, 26, 36
_LIMITS = ("average", "peak")
_LABEL_APART = 13


def in_words(entry: Mapping[str, Any]) -> str:
    """Say what the plot shows."""
    rates = [bps for _, bps in entry["samples"]]
    limits = [f"{name} {human_rate(entry[f'{name}_bps'])}" for name in _LIMITS if entry[f"{name}_bps"] is not None]
    asked = _sentence([*limits, f"offered {human_rate(entry['offered_bps'])}"])
    if not rates:
        return f"Nothing was {entry['what']}. {asked}"
    steady = [bps for second, bps in entry["samples"] if second >= 1.0]
    when = " after the first second" if steady else ""
    steady = steady or rates
    least, mean, most = (human_rate(round(each)) for each in (min(steady), sum(steady) / len(steady), max(steady)))
    return f"{mean} in the mean{when}, between {least} and {most}. {asked}"


def _sentence(words: Sequence[str]) -> str:
    text = ", ".join(words)
    return f"{text[0].upper()}{text[1:]}."


def svg(entry: Mapping[str, Any], name: str) -> Markup:
    """Draw a measurement; `name` is an id of the page's own."""
    samples: Sequence[Sequence[float]] = entry["samples"]
    limits = {each: entry[f"{each}_bps"] for each in _LIMITS if entry[f"{each}_bps"] is not None}
    seconds = max((second for second, _ in samples), default=1.0) or 1.0
    highest = max([bps for _, bps in samples] + list(limits.values()), default=1.0) or 1.0
    step = _step(highest / 1e6 / 4)
    top = ceil(highest / 1e6 / step * 1.02) * step

    def x(second: float) -> float:
        return round(_LEFT + second / seconds * (_WIDTH - _LEFT - _RIGHT), 1)

    def y(bps: float) -> float:
        return round(_HEIGHT - _BOTTOM - bps / 1e6 / top * (_HEIGHT - _TOP - _BOTTOM), 1)

    drawn = [Markup('<g class="grid">')]
    for number in range(round(top / step) + 1):
        at = y(number * step * 1e6)
        drawn.append(_line(x(0), at, x(seconds), at))
        drawn.append(_text(_LEFT - 6, at + 4, f"{number * step:g}", anchor="end"))
    spacing = _step(seconds / 5)
    ticks = [number * spacing for number in range(floor(seconds / spacing + 1e-9) + 1)]
    drawn += [_text(x(tick), _HEIGHT - _BOTTOM + 15, f"{tick:g}", anchor="middle") for tick in ticks]
    drawn.append(_text(4, 13, "Mbit/s at layer 2"))
    drawn.append(_text((x(0) + x(seconds)) / 2, _HEIGHT - 5, "seconds", anchor="middle"))
    drawn.append(Markup("</g>"))
    drawn += [
        Markup('<g class="limit {}">{}{}</g>').format(
            each, _line(x(0), y(bps), x(seconds), y(bps)), _text(x(seconds) + 5, at, each)
        )
        for (each, bps), at in zip(limits.items(), _apart([y(bps) + 4 for bps in limits.values()]), strict=True)
    ]
    path = " ".join(f"{x(second)},{y(bps)}" for second, bps in samples)
    drawn.append(Markup('<polyline class="measured" points="{}"/>').format(path))
    return Markup(
        '<svg viewBox="0 0 {} {}" role="img" aria-labelledby="{name}-t {name}-d">'
        '<title id="{name}-t">{}</title><desc id="{name}-d">{}</desc>{}</svg>'
    ).format(*(_WIDTH, _HEIGHT, f"Rate over time: {entry['what']}", in_words(entry), Markup("").join(drawn)), name=name)


def _step(least: float) -> float:
    """Give the least of 1, 2, 5, 10, ... (and their tenths) that is not below."""
    power = 10.0 ** floor(log10(least)) if least > 0 else 1.0
    return float(f"{next(each * power for each in (1, 2, 5, 10) if each * power >= least * 0.999):g}")


def _apart(places: list[float]) -> list[float]:
    """Move labels so far that none is upon another; the limits come lowest first, so that places fall."""
    moved = list(places)
    for number, (below, above) in enumerate(pairwise(places)):
        if below - above < _LABEL_APART:
            moved[number + 1] = moved[number] - _LABEL_APART
    return moved


def _line(x1: float, y1: float, x2: float, y2: float) -> Markup:
    return Markup('<line x1="{}" y1="{}" x2="{}" y2="{}"/>').format(x1, y1, x2, y2)


def _text(x: float, y: float, text: str, anchor: str = "start") -> Markup:
    return Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(x, y, anchor, text)
