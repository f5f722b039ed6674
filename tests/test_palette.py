import itertools

import pytest

from bnteach import palette


def luminance(colour):
    """Return the relative luminance of WCAG 2.2 of "#rrggbb"."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [
        p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts
    ]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


LINES = [style["color"] for style in palette.NETWORKS.values()] + list(palette.OTHERS)


def test_contrast_is_that_of_the_standard():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("colour", LINES)
def test_lines_and_their_names_can_be_told_from_the_page(colour):
    night = palette.DARK[palette.PAPER]
    assert contrast(colour, palette.PAPER) >= 3
    assert contrast(palette.DARK[colour], night) >= 4.5
    text = palette.text_colour(colour.upper())
    assert contrast(text, palette.PAPER) >= 4.5
    assert contrast(palette.DARK[text], night) >= 4.5


def test_networks_differ_in_colour_and_in_line_style():
    styles = palette.NETWORKS.values()
    for one, other in itertools.combinations(styles, 2):
        assert one["color"] != other["color"]
        assert one["linestyle"] != other["linestyle"]
    assert not {style["color"] for style in styles} & set(palette.OTHERS)


@pytest.mark.parametrize(
    ("names", "colour"),
    [
        (("plain", "sigmoid", "tanh", "plain, seed 1", "without BN"), palette.PLAIN),
        (
            ("batch norm", "BN", "sigmoid + BN", "Batch normalization", "our layer"),
            palette.BN,
        ),
        (("ReLU", "plain ReLU", "ReLU without batch norm"), palette.RELU),
        (("ReLU + BN", "ReLU with batch normalization"), palette.RELU_BN),
    ],
)
def test_a_network_has_one_colour_under_each_of_its_names(names, colour):
    assert {palette.network_style(name)["color"] for name in names} == {colour}


@pytest.mark.parametrize("name", ["momentum 0.9", "batch statistics", "explained", ""])
def test_other_things_have_no_colour_of_a_network(name):
    assert palette.network_style(name) is None


def test_dark_look_replaces_the_colours_of_the_book_alone():
    text = 'fill: #FFF; stroke: #0072B2; fill="#123456" url(#abc)'
    night, blue = palette.DARK[palette.PAPER], palette.DARK[palette.PLAIN]
    assert palette.darkened(text) == (
        f'fill: {night}; stroke: {blue}; fill="#123456" url(#abc)'
    )
