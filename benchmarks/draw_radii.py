"""Draw what `radii.py` measured: how near each attack comes to the smallest radii, against its gradient calls.

.venv/bin/python benchmarks/draw_radii.py        # from radii.csv to radii.png; prints README's table
"""

from itertools import cycle
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from helpers.show.style import LINE_STYLES, MARKERS

FOLDER = Path(__file__).parent
BAR = 1.03  # what the study's attack has to reach


def in_order(contenders):
    """Return the names of the contenders, the study's first."""
    return sorted(set(contenders), key=lambda name: (not name.startswith("the study"), name))


def in_markdown(table):
    """Return a table with a row for each contender and its steps, and a column for each model."""
    models = list(dict.fromkeys(table.model))
    lines = [f"| contender | steps | {' | '.join(models)} |", "|" + "---|" * (2 + len(models))]
    for contender in in_order(table.contender):
        for steps in sorted(set(table.steps[table.contender == contender])):
            rows = table[(table.contender == contender) & (table.steps == steps)].set_index("model")
            cells = [
                f"{rows.calls[model]:.0f}: {rows.ratio[model]:.3f} ({rows.worst[model]:.2f}), {rows.more_right[model]}"
                if model in rows.index
                else "–"
                for model in models
            ]
            lines.append(f"| {contender} | {steps} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main():
    plt.style.use(FOLDER.parent / "helpers" / "show" / "study.mplstyle")
    table = pd.read_csv(FOLDER / "radii.csv")
    print(in_markdown(table))
    models = list(dict.fromkeys(table.model))
    contenders = in_order(table.contender)
    columns = min(2, len(models))
    rows = -(-len(models) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(5 * columns, 3.4 * rows + 1), squeeze=False)
    for axis, model in zip(axes.flat, models, strict=False):
        part = table[table.model == model].sort_values("calls")
        for number, (contender, marker, style) in enumerate(
            zip(contenders, cycle(MARKERS), cycle(LINE_STYLES), strict=False)
        ):
            line = part[part.contender == contender]
            width = 2.5 if contender == "the study" else 1.3
            axis.plot(
                line.calls,
                line.ratio,
                marker=marker,
                linestyle=style,
                color=f"C{number}",
                linewidth=width,
                label=contender,
            )
        axis.axhline(BAR, color="0.4", linestyle=":", linewidth=1)
        axis.set(xscale="log", yscale="log", title=model.replace("/", ", "))
        ticks = [1, 1.03, 1.1, 1.3, 1.6, 2, 3]
        shown = [tick for tick in ticks if tick <= max(1.4, 1.05 * part.ratio.max())]
        axis.set_yticks(shown, [f"{tick:g}" for tick in shown])
        axis.minorticks_off()
        axis.set_xticks([10, 20, 50, 100, 200], ["10", "20", "50", "100", "200"])
        axis.set(xlabel="gradient calls an image", ylabel="geometric mean radius\nover the smallest found")
    for axis in list(axes.flat)[len(models) :]:
        axis.set_visible(False)
    lines = {line.get_label(): line for axis in axes.flat for line in axis.get_legend_handles_labels()[0]}
    figure.legend(lines.values(), lines, loc="outside lower center", ncols=3)
    figure.savefig(FOLDER / "radii.png", dpi=110)


if __name__ == "__main__":
    main()
