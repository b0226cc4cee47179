# SPDX-License-Identifier: GPL-2.0
"""plot.py DIR NAME...: draws charts of DIR/bench.json and DIR/code.json as DIR/NAME.svg and DIR/NAME.png."""

import html
import json
import math
import pathlib
import re
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

# Inches.
WIDTH, ROW, CURVES = 6.5, 0.21, 3.6
# The palette of Okabe and Ito, which colour-blind readers can tell apart.
PALETTE = ["#6e6e6e", "#0072b2", "#e69f00", "#d55e00", "#009e73", "#56b4e9", "#cc79a7"]
MARKERS = ["o", "s", "x"]

plt.rcParams.update({
    "svg.fonttype": "none",  # Text stays text.
    "svg.hashsalt": "vma",  # The same chart is the same file.
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "savefig.bbox": "tight",
})


def number(value, _position=None):
    """A number with the digits that matter."""
    for limit, by, unit in (1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k"):
        if abs(value) >= limit:
            return f"{value / by:.3g}{unit}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def scale(ax, which, log, ticks=None):
    axis = getattr(ax, which + "axis")
    if log:
        getattr(ax, f"set_{which}scale")("log")
        axis.set_major_locator(FixedLocator(ticks) if ticks else LogLocator(subs=(1, 2, 5), numticks=9))
        axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(number))


def bars(series, groups, unit, kind="beside", log=False, first=0):
    """Rows of bars, parts of bars or dots. `groups` has pairs of a name and rows, and each row a label and a value for
    each of the series: None, a number, or the least, the median and the most."""
    step = ROW * (max(1.0, 0.75 * len(series)) if kind == "beside" else 1.0)
    at, labels, rows = 0.0, [], []
    for name, members in groups:
        if name:
            labels.append((at, name, "bold"))
            at += ROW
        for label, values in members:
            middle = at + step / 2 - ROW / 2
            labels.append((middle, label, "normal"))
            values = [v if v is None or isinstance(v, (list, tuple)) else (v, v, v) for v in values]
            rows.append((middle, [None if v is None or None in v else v for v in values]))
            at += step
        at += ROW / 2
    fig = plt.figure(figsize=(WIDTH, max(at, ROW)))
    ax = fig.add_axes((0, 0, 1, 1))
    ax.set_ylim(at - ROW / 2, -ROW)
    ax.set_yticks([y for y, _, _ in labels], [text for _, text, _ in labels])
    for tick, (_, _, weight) in zip(ax.get_yticklabels(), labels):
        tick.set_weight(weight)
    ax.tick_params(axis="y", length=0)
    notes = []
    base = [0.0] * len(rows)
    for index, name in enumerate(series):
        colour = PALETTE[(first + index) % len(PALETTE)]
        values = [(n, y, row[index]) for n, (y, row) in enumerate(rows) if row[index]]
        ys, medians = [y for _, y, _ in values], [value[1] for _, _, value in values]
        if kind == "dots":
            # A hollow marker shows what is under it.
            style = {"c": colour} if MARKERS[index] == "x" else {"edgecolors": colour, "facecolors": "none"}
            ax.scatter(medians, ys, s=30, marker=MARKERS[index], label=name, **style)
        elif kind == "stacked":
            ax.barh(ys, medians, 0.7 * ROW, [base[n] for n, _, _ in values], color=colour, label=name)
            for n, _, value in values:
                base[n] += value[1]
        else:
            height = (step - 0.25 * ROW) / len(series)
            ys = [y + (index - (len(series) - 1) / 2) * height for y in ys]
            ax.barh(ys, medians, 0.9 * height, color=colour, label=name)
            for y, (_, _, (low, median, high)) in zip(ys, values):
                if low != high:
                    ax.plot([low, high], [y, y], color="black", linewidth=0.8)
                notes.append((y, max(median, high), median))
    if kind == "stacked":
        notes = [(y, total, total) for (y, _), total in zip(rows, base)]
    for y, x, value in notes:
        ax.annotate(number(value), (x, y), (4, 0), textcoords="offset points", va="center", size=7)
    scale(ax, "x", log)
    ax.grid(axis="x", color="#e4e4e4")
    ax.set_xlabel(unit)
    return fig, ax


def curves(lines, across, up, log_up=False):
    """Lines, each with a name and points. C and Rust of one thing are neighbours; C is broad, so that both are seen."""
    fig = plt.figure(figsize=(WIDTH, CURVES))
    ax = fig.add_axes((0, 0, 1, 1))
    for at, (name, points) in enumerate(lines.items()):
        width, size, alpha = (1.6, 4, 1) if at % 2 else (7, 8, 0.4)
        colour = PALETTE[(at // 2 + 1) % len(PALETTE)]
        ax.plot(*zip(*points), color=colour, linewidth=width, marker="o", markersize=size, alpha=alpha, label=name)
    scale(ax, "x", True, sorted({x for points in lines.values() for x, _ in points}))
    scale(ax, "y", log_up)
    if not log_up:
        ax.set_ylim(bottom=0)
    ax.grid(color="#e4e4e4")
    ax.set_xlabel(across)
    ax.set_ylabel(up)
    return fig, ax


def primitives(bench, values):
    """Rows of the primitives for which helpers were inlined, by caller."""
    headings = ("driver", "one call"), ("user", "from a program, with its system calls and page faults")
    return [(heading, [(row["primitive"], values(row)) for row in bench["rows"] if row["inline"] and row["caller"] == caller])
            for caller, heading in headings]


def ratios(bench, _code):
    def values(row):
        costs = row["inline"]["rust"], row["calls"] and row["calls"]["rust"], row["inline"]["upstream"]
        return [cost / row["inline"]["c"] if cost is not None and row["inline"]["c"] > 0 else None for cost in costs]

    series = ["Rust, helpers inlined", "Rust, helpers called", "upstream's Rust"]
    fig, ax = bars(series, primitives(bench, values), "Rust / C", "dots", log=True, first=1)
    ax.axvline(1, color="#999999", linewidth=0.8)
    return fig, ax


def instructions(bench, _code):
    groups = primitives(bench, lambda row: [row["inline"]["c"], row["inline"]["rust"]])
    return bars(["C", "Rust, helpers inlined"], groups, "instructions", log=True)


def costs(figures, across, at):
    lines = {}
    for figure in figures:
        for side, name in ("c", "C"), ("rust", "Rust"):
            point = at(figure), figure[side]["median"]
            lines.setdefault(f"{figure['operation']}, {name}", []).append(point)
    return curves(lines, across, "instructions")


def walks(bench, _code):
    figures = [figure for figure in bench["costs"]["figures"] if figure["operation"].startswith("walk-")]
    return costs(figures, "VMAs", lambda figure: figure["vmas"])


def sizes(bench, gaps):
    figures = [figure for figure in bench["sizes"]["figures"] if figure["layout"]["gaps"] == gaps]
    return costs(figures, "MiB", lambda figure: figure["layout"]["span"] / 2**20)


def readers(bench, processors):
    """The part that readers keep of their rate, by lock."""
    def row(reader):
        held = f", held {reader['hold_us']} us" if reader["hold_us"] else ""
        here, elsewhere = reader["here"], reader["elsewhere"]
        kept = 100 * here["median"] / elsewhere["median"] if here["all"] else None
        return f"{reader['operation']}, {reader['language']}{held}", [kept]

    all = [one for one in bench["contention"] if one["processors"] == processors][0]["readers"]
    groups = [(f"{lock} lock", [row(reader) for reader in all if reader["operation"].endswith("-" + lock)])
              for lock in ("vma", "mmap")]
    return bars(["kept"], groups, "% of the rate", first=1)


def faults(bench, _code):
    def row(row):
        rates = [row[place] for place in ("alone", "elsewhere", "here")]
        other = ", ".join(row["reader"] or ["writer"])
        return f"{row['threads']} threads, {other}", [(r["low"], r["median"], r["high"]) if r["all"] else None for r in rates]

    groups = [(f"{one['processors']} processors", [row(each) for each in one["rows"]]) for one in bench["faults"]]
    return bars(["alone", "other task in another mm", "other task in this mm"], groups, "page faults per ms")


def cache_lines(bench, _code):
    """Stores to shared lines. Operations that write the same, to two decimals, share a group."""
    kinds = ["mmap-lock", "vma-lock", "sequence", "fields", "page", "other"]
    operations, groups = {}, {}
    for row in bench["writes"]["rows"]:
        for side in ("c", "rust", "upstream"):
            if row[side] and row["kind"] in kinds:
                stores = operations.setdefault(row["operation"], {}).setdefault(side, [None] * len(kinds))
                stores[kinds.index(row["kind"])] = round(row[side]["stores"], 2)
    for operation, sides in operations.items():
        if any(sum(filter(None, stores)) >= 0.1 for stores in sides.values()):
            groups.setdefault(json.dumps(sides), (sides, []))[1].append(operation)
    groups = [(names[0] + (f", and {len(names) - 1} like it" if names[1:] else ""), list(sides.items()))
              for sides, names in groups.values()]
    return bars(kinds, groups, "writes", "stacked", first=1)


def projection(bench, _code):
    processors = bench["projection"]["processors"]
    lines = {curve["name"]: list(zip(processors, curve["rates"])) for curve in bench["projection"]["curves"]}
    return curves(lines, "processors", "look-ups per us", log_up=True)


def stack(_bench, code):
    rows = [(name, [side and side["stack"] for side in (sides["c"], sides["rust"])])
            for name, sides in code["primitives"].items()]
    return bars(["C", "Rust"], [("", [row for row in rows if any(row[1])])], "bytes")


def text(_bench, code):
    added = sorted((code["unused"] or {"added": []})["added"], key=lambda one: -one["bytes"])[:15]
    rows = [(one["function"].replace("kernel::mm::vma::", ""), [one["bytes"]]) for one in added]
    samples = [(name, [size]) for name, size in code["samples"].items()]
    groups = [("sample drivers", samples), ("the largest functions that every kernel has", rows)]
    return bars(["bytes"], groups, "bytes", first=1)


def sample(kind, rows):
    """A chart of made-up values, some of them zero or missing."""
    def value(row, series):
        value = row**2 * (series + 1)
        return None if row % 5 == series == 2 else (0.9 * value, value, 1.1 * value) if row % 2 else value

    if kind == "curves":
        lines = {f"line {at}": [(10**x, 40 * (at // 2) + 3 * x) for x in range(1, 7)] for at in range(6)}
        return curves(lines, "VMAs", "instructions")
    groups = [(f"from {start}", [(f"vma-operation-{row}", [value(row, n) for n in range(3)]) for row in range(start, start + 15)])
              for start in range(0, rows, 15)]
    return bars(["first", "second with a longer name", "third"], groups, "unit", kind, log=kind != "stacked")


CHARTS = {
    "ratios": ("Instructions of Rust, as a multiple of those of C", ratios),
    "instructions": ("Instructions of each primitive", instructions),
    "walks": ("Instructions for each VMA of a walk", walks),
    "readers-1": ("The rate that readers keep, 1 processor", lambda bench, _: readers(bench, 1)),
    "readers-2": ("The rate that readers keep, 2 processors", lambda bench, _: readers(bench, 2)),
    "cache-lines": ("Writes to cache lines that other processors may want", cache_lines),
    "projection": ("Looking VMAs up on many processors, projected", projection),
    "sizes": ("1000 mappings spread over a range, without gaps", lambda bench, _: sizes(bench, False)),
    "sizes-gaps": ("1000 mappings spread over a range, with gaps", lambda bench, _: sizes(bench, True)),
    "faults": ("Page faults while another task writes or reads", faults),
    "stack": ("Stack of the primitives that use any", stack),
    "text": ("Size of the code", text),
    "sample": ("A small chart", lambda *_: sample("beside", 15)),
    "sample-beside": ("Many bars", lambda *_: sample("beside", 90)),
    "sample-stacked": ("Many stacked bars", lambda *_: sample("stacked", 30)),
    "sample-dots": ("Many dots", lambda *_: sample("dots", 90)),
    "sample-curves": ("Curves that overlap", lambda *_: sample("curves", 0)),
}


def draw(folder, name, *figures):
    title, chart = CHARTS[name]
    fig, ax = chart(*figures)
    _, names = ax.get_legend_handles_labels()
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncol=2, frameon=False, labelspacing=0.6)
    above = 14 + 16 * math.ceil(len(names) / 2)
    ax.annotate(title, (0, 1), (0, above), xycoords="axes fraction", textcoords="offset points", weight="bold", size=11)
    fig.savefig(folder / f"{name}.png", dpi=150)
    file = folder / f"{name}.svg"
    fig.savefig(file, metadata={"Date": None})
    plt.close(fig)
    # Without the XML header, so that it can be part of a page, where ids of groups would occur twice.
    svg = file.read_text()
    svg = re.sub(r'<g id="[^"]*"', "<g", svg[svg.index("<svg"):])
    file.write_text(svg.replace("<svg ", f'<svg role="img" aria-label="{html.escape(title)}" ', 1))


def main():
    folder = pathlib.Path(sys.argv[1])
    files = [folder / "bench.json", folder / "code.json"]
    figures = [json.loads(file.read_text()) if file.exists() else None for file in files]
    for name in sys.argv[2:]:
        draw(folder, name, *figures)


main()
