"""What the figures on a handful of numbers show, before a reader moves anything."""

import numpy as np
import pytest
from bs4 import BeautifulSoup

from bnteach import page_figures
from bnteach.batch_norm import batch_norm_backward, batch_norm_train
from bnteach.page_figures import graph

X, DY = [1.0, 2.0, 4.0, 9.0], [0.5, -1.0, 2.0, 0.25]
LOOK = {"name": "fig-x", "description": "what is seen"}


def soup(figure):
    return BeautifulSoup(figure._repr_html_(), "html.parser")


def numbers(text):
    """Return the numbers of a text that the page shows."""
    words = text.replace("\N{MINUS SIGN}", "-").replace(",", " ").split()
    return [float(word) for word in words if word.strip("-").replace(".", "").isdigit()]


def test_last_step_back_is_the_gradient_of_the_package():
    column, dy = np.array(X)[:, None], np.array(DY)[:, None]
    _, cache = batch_norm_train(column, [1.7], [0.0], 0.01)
    dx, dgamma, dbeta = batch_norm_backward(dy, cache)
    steps = {step.symbol: step for step in page_figures.walk_back(X, DY, 1.7, 0.01)}
    np.testing.assert_allclose(steps["x"].value, dx[:, 0])
    np.testing.assert_allclose(steps["γ"].value, dgamma[0])
    np.testing.assert_allclose(steps["β"].value, dbeta[0])


def test_every_step_is_one_arrow_of_the_graph_and_shows_its_value_and_shape():
    page = soup(page_figures.backward_steps(X, DY, 2.0, **LOOK))
    steps = page_figures.walk_back(X, DY, 2.0)
    arrows = page.select(".bn-arrow")
    assert [arrow["data-step"] for arrow in arrows] == [*map(str, range(len(steps)))]
    assert set(graph.LABELS) == {step.arrow for step in steps}
    for step, arrow, item in zip(steps, arrows, page.select("li"), strict=True):
        shape = "(4,)" if step.value.ndim else "()"
        assert arrow.text.endswith(shape)
        assert item.select_one("code").text == step.code
        values, said = item.select_one(".bn-soft-text").text.split(", shape ")
        assert said == shape
        np.testing.assert_allclose(numbers(values), step.value, atol=0.0051)


def test_a_label_on_the_graph_meets_no_node():
    for x, y, anchor in graph.LABELS.values():
        left = {"start": x, "middle": x - 50, "end": x - 70}[anchor]
        for at_x, at_y, text in graph.NODES.values():
            half = graph._half_width(text)
            beside = left > at_x + half or left + 40 < at_x - half
            assert beside or not at_y - 14 < y - 4 < at_y + 14


def test_jacobian_agrees_with_finite_differences():
    def x_hat(x):
        return batch_norm_train(x[:, None], [1.0], [0.0])[0][:, 0]

    steps = 1e-6 * np.eye(4)
    slopes = [(x_hat(X + step) - x_hat(X - step)) / 2e-6 for step in steps]
    np.testing.assert_allclose(
        page_figures.jacobian(X), np.transpose(slopes), atol=1e-8
    )


def test_number_lines_show_the_four_steps():
    page = soup(page_figures.number_lines(X, -1.5, 2.0, 0.01, **LOOK))
    y, _ = batch_norm_train(np.array(X)[:, None], [-1.5], [2.0], 0.01)
    rows = page.select("[data-row]")
    assert len(rows) == 5
    shown = [numbers(row.select_one(".bn-values").text) for row in rows]
    assert shown[0] == X
    assert shown[1] == [-3, -2, 0, 5]
    np.testing.assert_allclose(shown[3], np.multiply(shown[2], -1.5), atol=0.01)
    np.testing.assert_allclose(shown[4], y[:, 0], atol=0.0051)
    mean, spread = numbers(rows[4].select_one(".bn-stat").text)
    np.testing.assert_allclose([mean, spread], [y.mean(), y.std()], atol=0.0051)
    assert len(page.select('[role="slider"]')) == 4
    assert page.select_one("input[name=gamma]")["value"] == "-1.5"


def test_coupling_shows_every_entry_of_the_jacobian():
    page = soup(page_figures.coupling(X, **LOOK))
    cells = [numbers(cell.text)[0] for cell in page.select("td")]
    jacobian = page_figures.jacobian(X)
    np.testing.assert_allclose(cells, jacobian.ravel(), atol=0.0051)


def test_live_notebook_gets_style_and_script_and_the_site_does_not(monkeypatch):
    figure = page_figures.coupling(X, **LOOK)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    assert not soup(figure).select("script, style")
    monkeypatch.setenv("JPY_SESSION_NAME", "a.ipynb")
    assert len(soup(figure).select("script, style")) == 2
    assert "what is seen" in repr(figure)


def test_figure_needs_a_description():
    with pytest.raises(ValueError, match="Received: ' '"):
        page_figures.coupling(X, name="fig-x", description=" ")
