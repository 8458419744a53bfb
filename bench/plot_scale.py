#!/usr/bin/env python3
"""Draws what planning costs the worst rank, as a multiple of what it costs on the fewest ranks.

    bench/plot_scale.py bench/results/negotiation.json bench/results/negotiation.svg

Of the runs of bench_negotiation, those that give each rank the same number of items.
"""

import json
import math
import sys
from pathlib import Path

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 50, 130, 30, 50
LIMIT = 1.5
FIGURES = {
    "seconds": ("#1b6ca8", lambda worst: worst["seconds"]["together"]),
    "messages": ("#b3541e", lambda worst: worst["messages"]["together"]),
    "bytes": ("#3a7d44", lambda worst: worst["bytes"]["together"]),
    "memory": ("#7b4397", lambda worst: worst["memory"]),
}


def same_items(runs):
    """The longest series of runs in which a rank has as many items, by ranks."""
    series = {}
    for run in runs:
        series.setdefault((run["tensors"] / run["ranks"], run["holders"]), []).append(run)
    return sorted(max(series.values(), key=len), key=lambda run: run["ranks"])


def ratios(runs, figure):
    return [figure(run["worst"]) / figure(runs[0]["worst"]) for run in runs]


def draw(runs):
    lines = {name: ratios(runs, figure) for name, (_, figure) in FIGURES.items()}
    top = max(2.0, math.ceil(2 * max(map(max, lines.values()))) / 2)
    first, last = (math.log2(runs[i]["ranks"]) for i in (0, -1))

    def x(ranks):
        return LEFT + (math.log2(ranks) - first) / max(last - first, 1) * (WIDTH - LEFT - RIGHT)

    def y(ratio):
        return HEIGHT - BOTTOM - ratio / top * (HEIGHT - TOP - BOTTOM)

    def text(at, height, words, anchor="middle", colour="#333"):
        return f'<text x="{at:.1f}" y="{height:.1f}" text-anchor="{anchor}" fill="{colour}">{words}</text>'

    def line(colour, points, more=""):
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
        return f'<polyline fill="none" stroke="{colour}" points="{path}" {more}/>'

    edge = WIDTH - RIGHT
    parts = [text(LEFT, 18, f"The worst rank, against {runs[0]['ranks']} ranks", "start")]
    for half in range(int(2 * top) + 1):
        parts.append(line("#ddd", [(LEFT, y(half / 2)), (edge, y(half / 2))]))
        parts.append(text(LEFT - 8, y(half / 2) + 4, f"{half / 2:g}", "end"))
    parts.append(line("#999", [(LEFT, y(LIMIT)), (edge, y(LIMIT))], 'stroke-dasharray="5 4"'))
    for run in runs:
        parts.append(text(x(run["ranks"]), HEIGHT - BOTTOM + 18, f"{run['ranks']:,}"))
    parts.append(text((LEFT + edge) / 2, HEIGHT - 12, "ranks"))
    below = HEIGHT
    for name, values in sorted(lines.items(), key=lambda entry: entry[1][-1]):
        colour = FIGURES[name][0]
        points = [(x(run["ranks"]), y(value)) for run, value in zip(runs, values)]
        parts.append(line(colour, points, 'stroke-width="2"'))
        below = min(y(values[-1]) + 4, below - 15)  # labels do not meet
        parts.append(text(edge + 8, below, f"{name} {values[-1]:.2f}", "start", colour))
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
            f'font-size="12">\n<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>')
    return "\n".join([head, *parts, "</svg>"]) + "\n"


def main():
    source, destination = map(Path, sys.argv[1:])
    destination.write_text(draw(same_items(json.loads(source.read_text()))))


if __name__ == "__main__":
    main()
