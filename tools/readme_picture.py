"""The picture of the README, from a recorded run: a light and a dark drawing.

Each file says by a hash what it was made from; `make book` draws both anew when that is
something else.
"""

import hashlib
from pathlib import Path

from bnteach import palette
from bnteach.files import atomic_path
from bnteach.runs import results

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "book" / "_static" / "figures"
RUN = "internal_covariate_shift"
SOURCES = (
    Path(__file__),
    results.RECORDED / f"{RUN}.json",
    ROOT / "bnteach" / "palette.py",
    ROOT / "bnteach" / "book.mplstyle",
)
RECORDS = 25  # until the slower network has caught up


def made_from():
    """Return a hash of what the picture is made from."""
    whole = hashlib.sha256()
    for path in SOURCES:
        whole.update(path.read_text("utf-8").encode())  # the same with any line ends
    return whole.hexdigest()


def stamp():
    """Return the line that a picture which is up to date ends with."""
    return f"<!-- made from sha256 {made_from()} -->\n"


def draw():
    """Return the light picture as SVG."""
    import matplotlib.pyplot as plt

    from bnteach import pictures, plotting

    plotting.use_style()
    run = results.read(RUN, results.RECORDED)
    names = {"plain": "plain, grey, 0.1", "batch norm": "batch norm, grey, 0.1"}
    curves = {
        name: run.curve(variant, "val_accuracy")[:, :RECORDS]
        for name, variant in names.items()
    }
    figure, ax = plt.subplots(figsize=(7.4, 2.8))
    steps = run.step(names["plain"])[:RECORDS]
    plotting.plot_curves(ax, steps, curves, ylabel="accuracy")
    ax.set(title="Three layers of sigmoids learn digits, three times each", ylim=(0, 1))
    text = pictures.svg(figure)
    plt.close(figure)
    return text


def write_pictures(folder=FOLDER):
    """Write both pictures to `folder`, unless they are up to date."""
    end = stamp()
    targets = [folder / "learning.svg", folder / "learning-dark.svg"]
    if all(t.is_file() and t.read_text("utf-8").endswith(end) for t in targets):
        return
    light = draw()
    for target, text in zip(targets, (light, palette.darkened(light)), strict=True):
        with atomic_path(target) as part:
            part.write_text(f"{text.rstrip()}\n{end}", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    write_pictures()
