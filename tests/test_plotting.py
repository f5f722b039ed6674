import itertools

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from bnteach import palette, plotting


@pytest.fixture
def ax():
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


def test_style_gives_every_colour_its_own_line_style():
    with mpl.rc_context():
        plotting.use_style()
        cycle = list(mpl.rcParams["axes.prop_cycle"])
    assert tuple(entry["color"] for entry in cycle) == palette.OTHERS
    for key in ("color", "linestyle"):
        assert len({entry[key] for entry in cycle}) == len(cycle) == 4


def test_curves_of_several_seeds_become_mean_and_band(ax):
    values = np.array([[0.0, 1.0], [2.0, 3.0]])
    assert plotting.plot_curves(ax, [0, 10], {"a": values}, ylabel="y") is ax
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [1.0, 2.0])
    band = ax.collections[0].get_paths()[0].vertices
    assert (band[:, 1].min(), band[:, 1].max()) == (0.0, 3.0)
    assert ax.get_ylabel() == "y"


def test_a_single_curve_has_no_band(ax):
    plotting.plot_curves(ax, [0, 10], {"a": [1.0, 2.0]})
    assert not ax.collections


def test_curve_of_wrong_length(ax):
    with pytest.raises(ValueError, match=r"'a' with 3 points.*\(1, 2\)"):
        plotting.plot_curves(ax, [0, 1, 2], {"a": [1.0, 2.0]})


def names_of(ax):
    """Return the names at the ends of lines, from bottom to top, with their heights."""
    ax.figure.canvas.draw()
    renderer = ax.figure.canvas.get_renderer()
    boxes = {text.get_text(): text.get_window_extent(renderer) for text in ax.texts}
    return sorted(boxes.items(), key=lambda item: item[1].y0)


def test_each_line_has_its_name_at_its_end_and_no_legend(ax):
    plotting.plot_curves(ax, [0, 1], {"a": [0, 5], "b": [0, 1], "c": [0, np.nan]})
    (low, _), (middle, _), (high, high_box) = names_of(ax)
    assert (low, middle, high) == ("c", "b", "a")  # the last number of c is 0
    end = ax.transData.transform((1, 5))
    assert high_box.x0 > ax.bbox.x1
    assert abs((high_box.y0 + high_box.y1) / 2 - end[1]) < 4
    assert ax.get_legend() is None


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_names_do_not_touch_also_when_the_axis_is_changed_later(ax, scale):
    ends = {name: [0.1, 1 + 0.001 * i] for i, name in enumerate("abcdef")}
    plotting.plot_curves(ax, [0, 1], {**ends, "zero": [1, 0]})
    ax.set_yscale(scale)
    ax.set_ylim(0.01, 1.1)
    boxes = [box for _, box in names_of(ax)]
    for below, above in itertools.pairwise(boxes):
        assert above.y0 - below.y0 > 0.9 * below.height
    assert boxes[0].y0 > ax.bbox.y0 - 12
    assert boxes[-1].y1 < ax.bbox.y1 + 12


def test_a_second_call_replaces_the_names(ax):
    plotting.plot_curves(ax, [0, 1], {"a": [0, 5]})
    plotting.plot_curves(ax, [0, 1], {"b": [0, 1]})
    assert [name for name, _ in names_of(ax)] == ["b", "a"]
    assert len(ax.texts) == 2


@pytest.mark.parametrize(
    ("heights", "placed"),
    [
        ([0, 5], [0, 5]),
        ([4, 4], [3.5, 4.5]),
        ([0, 0.1, 0.2], [0, 1, 2]),  # not below the lowest
        ([9.9, 10], [9, 10]),
        ([], []),
    ],
)
def test_heights_are_spread_apart(heights, placed):
    found = plotting.spread_apart(heights, 1, 0, 10)
    np.testing.assert_allclose(found, placed)


def test_a_network_has_the_same_look_in_each_order(ax):
    names = ["ReLU + BN", "plain", "ReLU", "batch norm"]
    plotting.plot_curves(ax, [0, 1], {name: [0, 1] for name in names})
    for name, line in zip(names, ax.lines, strict=True):
        look = palette.network_style(name)
        found = {"color": line.get_color(), "linestyle": line.get_linestyle()}
        assert found == look


def test_two_curves_of_one_network_share_the_colour_and_differ_in_style(ax):
    plotting.plot_curves(ax, [0, 1], {"BN, rate 1": [0, 1], "BN, rate 2": [0, 2]})
    one, other = ax.lines
    assert one.get_color() == other.get_color() == palette.BN
    assert one.get_linestyle() != other.get_linestyle()


def test_curves_of_other_things_take_no_colour_of_a_network():
    with mpl.rc_context():
        plotting.use_style()
        figure, ax = plt.subplots()
        plotting.plot_curves(ax, [0, 1], {str(n): [0, n] for n in range(4)})
        assert [line.get_color() for line in ax.lines] == list(palette.OTHERS)
        plt.close(figure)


def test_percentiles(ax):
    values = np.arange(6.0).reshape(2, 3)
    assert plotting.plot_percentiles(ax, [0, 10], values, network="BN") is ax
    assert [list(line.get_ydata()) for line in ax.lines] == [[0, 3], [1, 4], [2, 5]]
    assert [text.get_text() for text in ax.texts] == ["15th", "50th", "85th"]
    assert {line.get_color() for line in ax.lines} == {palette.BN}
    with pytest.raises(ValueError, match=r"\(2, 3\).*\(3, 2\)"):
        plotting.plot_percentiles(ax, [0, 10], values.T)


def test_each_panel_can_stand_alone():
    figure, axes = plotting.panels(2, sharey=True)
    figure.canvas.draw()
    assert all(ax.get_yticklabels()[0].get_visible() for ax in axes)
    plt.close(figure)
    with pytest.raises(ValueError, match="Received: 1"):
        plotting.panels(1)
