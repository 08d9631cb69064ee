# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""Draws throughput over packet size as SVG, with the size from which one line is above another."""

import math

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 460, 340, 56, 14, 34, 44
COLOURS = ["#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#8c564b", "#ff7f0e"]


def crossover(sizes, lower, upper):
    """Size, interpolated, from which on `upper` is above `lower`; None if it isn't at the end."""
    above = [up > low for low, up in zip(lower, upper)]
    if not above[-1]:
        return None
    if all(above):
        return sizes[0]
    last = max(i for i, is_above in enumerate(above) if not is_above)
    gaps = [math.log(lower[i] / upper[i]) for i in (last, last + 1)]
    part = gaps[0] / (gaps[0] - gaps[1]) if gaps[0] != gaps[1] else 0
    return round(math.exp(math.log(sizes[last]) +
                          part * math.log(sizes[last + 1] / sizes[last])))


def text(x, y, what, anchor="middle", extra=""):
    """A text."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {extra}>{what}</text>'


def panel(left, title, sizes, lines, marked):
    """One diagram: lines is {name: values}, marked the pair whose crossover is shown."""
    values = [value for line in lines.values() for value in line if value]
    low, high = math.log10(min(values)) - 0.05, math.log10(max(values)) + 0.05

    def x_of(size):
        return left + LEFT + (WIDTH - LEFT - RIGHT) * math.log(size / sizes[0]) / \
            math.log(sizes[-1] / sizes[0])

    def y_of(value):
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - math.log10(value)) / (high - low)

    out = [text(left + WIDTH / 2, 18, title, extra='font-weight="bold"')]
    for size in sizes:
        out.append(f'<line x1="{x_of(size):.1f}" x2="{x_of(size):.1f}" y1="{TOP}" '
                   f'y2="{HEIGHT - BOTTOM}" stroke="#ddd"/>')
        out.append(text(x_of(size), HEIGHT - BOTTOM + 14, size))
    for power in range(math.floor(low), math.ceil(high) + 1):
        for digit in (1, 2, 5):
            value = digit * 10.0 ** power
            if low <= math.log10(value) <= high:
                out.append(f'<line x1="{left + LEFT}" x2="{left + WIDTH - RIGHT}" '
                           f'y1="{y_of(value):.1f}" y2="{y_of(value):.1f}" stroke="#ddd"/>')
                out.append(text(left + LEFT - 6, y_of(value) + 4, f"{value:g}", "end"))
    for (name, line), colour in zip(lines.items(), COLOURS):
        points = [(x_of(size), y_of(value)) for size, value in zip(sizes, line) if value]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colour}"/>' for x, y in points]
    size = crossover(sizes, lines[marked[0]], lines[marked[1]])
    if size is not None:
        out.append(f'<line x1="{x_of(size):.1f}" x2="{x_of(size):.1f}" y1="{TOP}" '
                   f'y2="{HEIGHT - BOTTOM}" stroke="#000" stroke-dasharray="4 3"/>')
    label = f"{marked[1]} beats {marked[0]} " + (
        f"from {size} bytes" if size else f"nowhere up to {sizes[-1]} bytes")
    out.append(text(left + WIDTH / 2, HEIGHT - 8, "bytes; " + label))
    return out


def svg(title, sizes, panels, marked):
    """The drawing: panels is {title: {name: values}}, all with the same names."""
    width = WIDTH * len(panels)
    out = ['<?xml version="1.0" encoding="UTF-8"?>',
           "<!-- SPDX-License-Identifier: BSD-3-Clause -->",
           f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT + 24}" '
           'font-family="sans-serif" font-size="11">',
           f"<title>{title}</title>",
           f'<rect width="{width}" height="{HEIGHT + 24}" fill="#fff"/>']
    for i, (name, lines) in enumerate(panels.items()):
        out += panel(i * WIDTH, name, sizes, lines, marked)
    at = LEFT
    for name, colour in zip(next(iter(panels.values())), COLOURS):
        out.append(f'<rect x="{at}" y="{HEIGHT + 6}" width="12" height="4" fill="{colour}"/>')
        out.append(text(at + 16, HEIGHT + 12, name, "start"))
        at += 30 + 7 * len(name)
    return "\n".join(out + ["</svg>"]) + "\n"
