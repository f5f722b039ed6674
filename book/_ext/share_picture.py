"""Draws the picture that stands for a page where it is shared: title and two curves."""

import textwrap
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from bnteach import palette
from bnteach.runs import results

WIDTH, HEIGHT = 1200, 630  # what Open Graph asks for
EDGE = 70
FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
RUN, LAST = "internal_covariate_shift", 20  # the first records tell the story
CURVES = {"plain, grey, 0.1": palette.PLAIN, "batch norm, grey, 0.1": palette.BN}


@cache
def font(name, size):
    """Return a font of matplotlib's."""
    return ImageFont.truetype(FONTS / f"{name}.ttf", size)


@cache
def background():
    """Return the picture without its title: two networks while they learn."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), palette.PAPER)
    draw = ImageDraw.Draw(picture)
    run = results.read(RUN, results.RECORDED)
    left, right, top, bottom = EDGE, WIDTH - EDGE, 370, HEIGHT - 50
    draw.line([(left, bottom), (right, bottom)], fill=palette.GRID, width=3)
    for variant, colour in CURVES.items():
        accuracy = run.curve(variant, "val_accuracy").mean(axis=0)[:LAST]
        x = np.linspace(left, right, len(accuracy))
        y = bottom - (bottom - top) * accuracy
        draw.line(list(zip(x, y, strict=True)), fill=colour, width=8, joint="curve")
    return picture


def write(path, book, title):
    """Write the picture of a page as a PNG.

    Args:
        path: the file.
        book: title of the book.
        title: title of the page; the same as `book` for the first page.
    """
    picture = background().copy()
    draw = ImageDraw.Draw(picture)
    small = font("DejaVuSans", 34)
    if title != book:
        draw.text((EDGE, 50), book, font=small, fill=palette.TEXT[palette.PLAIN])
    lines = textwrap.wrap(title, 26)[:3]
    large = font("DejaVuSans-Bold", 68 if len(lines) < 3 else 56)
    draw.multiline_text((EDGE, 110), "\n".join(lines), font=large, fill=palette.INK)
    path.parent.mkdir(parents=True, exist_ok=True)
    few = picture.quantize(64)  # flat colours: a fifth of the bytes
    few.save(path, optimize=True)
