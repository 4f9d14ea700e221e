"""A plot of latency distributions: for each time the share of round trips that take longer, both axes logarithmic, so that the
tail is as visible as the middle."""

from __future__ import annotations

import math
from typing import Any, Dict, List, Tuple

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 860, 480, 70, 40, 190, 55
TIMES = (2.0, 6.0)  # decades of nanoseconds shown: 100 ns to 1 ms
SHARES = (-6.0, 0.0)  # decades of shares
COLOURS = ("#1b6ca8", "#c0392b", "#2e8b57", "#8e44ad", "#b8860b")

Runs = Dict[str, List[Dict[str, Any]]]


def _curve(runs: List[Dict[str, Any]]) -> List[Tuple[float, float]]:
    """Points (decade of the time, decade of the share that takes longer), of all runs together."""
    counts: Dict[int, int] = {}
    for run in runs:
        for bucket, count in run["histogram"].items():
            counts[int(bucket)] = counts.get(int(bucket), 0) + count
    total = left = sum(counts.values())
    points = []
    for bucket in sorted(counts):
        points.append((bucket / 10, math.log10(left / total)))
        left -= counts[bucket]
    return points


def _x(decade: float) -> float:
    share = (min(max(decade, TIMES[0]), TIMES[1]) - TIMES[0]) / (TIMES[1] - TIMES[0])
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _y(decade: float) -> float:
    share = (SHARES[1] - min(max(decade, SHARES[0]), SHARES[1])) / (SHARES[1] - SHARES[0])
    return TOP + share * (HEIGHT - TOP - BOTTOM)


def _time(decade: int) -> str:
    return f"{10 ** decade} ns" if decade < 3 else f"{10 ** (decade - 3)} us" if decade < 6 else f"{10 ** (decade - 6)} ms"


def distribution(figures: Dict[str, Runs]) -> str:
    """An SVG with a curve for each figure and library; the baseline's are dashed."""
    svg = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="24" font-size="16">Round trips that take longer than a time (solid: ours, dashed: baseline)</text>',
    ]
    for decade in range(int(TIMES[0]), int(TIMES[1]) + 1):
        x = _x(decade)
        svg.append(f'<line x1="{x}" y1="{TOP}" x2="{x}" y2="{HEIGHT - BOTTOM}" stroke="#ddd"/>')
        svg.append(f'<text x="{x}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{_time(decade)}</text>')
    for decade in range(int(SHARES[0]), int(SHARES[1]) + 1):
        y = _y(decade)
        svg.append(f'<line x1="{LEFT}" y1="{y}" x2="{WIDTH - RIGHT}" y2="{y}" stroke="#ddd"/>')
        svg.append(f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{10.0 ** (decade + 2):g} %</text>')
    for number, (name, by_library) in enumerate(figures.items()):
        colour = COLOURS[number % len(COLOURS)]
        for library, runs in by_library.items():
            points = " ".join(f"{_x(time):.1f},{_y(share):.1f}" for time, share in _curve(runs))
            dash = ' stroke-dasharray="6 4"' if library == "baseline" else ""
            svg.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        y = TOP + 14 + 20 * number
        svg.append(f'<line x1="{WIDTH - RIGHT + 12}" y1="{y}" x2="{WIDTH - RIGHT + 40}" y2="{y}" stroke="{colour}" stroke-width="2"/>')
        svg.append(f'<text x="{WIDTH - RIGHT + 46}" y="{y + 4}">{name} bytes</text>')
    svg.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 12}" text-anchor="middle">time of one round trip</text>')
    svg.append("</svg>")
    return "\n".join(svg) + "\n"
