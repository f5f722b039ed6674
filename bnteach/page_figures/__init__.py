"""Figures which the reader of a page moves, drawn in HTML and SVG by this package.

`number_lines` shows the four steps of batch normalization, `coupling` what one example
does to the others, `backward_steps` the gradient on each arrow of the graph,
`mode_chart` which statistics a call of the layer uses. They stand
complete in their first state; `bnteach/page/bn-numbers.js` makes them answer.
`training_histograms` shows what enters a layer while a network learns; it is a chart,
as those of `bnteach.interactive`.
"""

from bnteach.page_figures.graph import backward_steps, walk_back
from bnteach.page_figures.histograms import training_histograms
from bnteach.page_figures.lines import number_lines
from bnteach.page_figures.modes import mode_chart
from bnteach.page_figures.slopes import coupling, jacobian

__all__ = [
    "backward_steps",
    "coupling",
    "jacobian",
    "mode_chart",
    "number_lines",
    "training_histograms",
    "walk_back",
]
