"""The role `recorded`: a number of a recorded run, read while the page is built.

    {recorded}`deep_network | plain | test_accuracy`

is the mean over the seeds of what the variant `plain` was measured at, or of the last
value of a curve or probe; an accuracy is given in percent. A fourth part is the number
of digits behind the point. A run, variant or quantity that is not there is a warning,
and with that a failed build.
"""

import numpy as np
from docutils import nodes
from sphinx.util.docutils import SphinxRole

from bnteach.runs import results


def mean_of(run, variant, quantity):
    """Return the mean over the seeds of a measurement, or of the end of a curve.

    Raises:
        ValueError: the run has no such variant or quantity; the message names what it
            has.
    """
    if variant not in run.variants:
        known = ", ".join(run.variants)
        raise ValueError(f"expected a variant among {known}. Received: {variant!r}")
    ends = []
    for part in run.variants[variant]:
        values = {**part["curves"], **part["probes"], **part["measured"]}
        if quantity not in values:
            known = ", ".join(values)
            raise ValueError(f"expected one of {known}. Received: {quantity!r}")
        ends.append(np.ravel(values[quantity])[-1])
    return float(np.mean(ends))


def number(text):
    """Return what the role writes for `text`.

    Raises:
        ValueError: `text` has another form, or names what the run does not have.
        ResultsError: there is no such run.
    """
    name, *rest = (part.strip() for part in text.split("|"))
    if not 2 <= len(rest) <= 3:
        raise ValueError(f"expected run | variant | quantity. Received: {text!r}")
    run = results.read(name, results.RECORDED)
    value = mean_of(run, *rest[:2])
    share = "accuracy" in rest[1] or "statistics" in rest[1]
    digits = int(rest[2]) if len(rest) == 3 else 0 if share else 2
    return (
        f"{100 * value:.{digits}f}\N{NO-BREAK SPACE}%"
        if share
        else f"{value:.{digits}f}"
    )


class Recorded(SphinxRole):
    """A number of a recorded run."""

    def run(self):
        """Return the number as text."""
        try:
            text = number(self.text)
        except (ValueError, results.ResultsError) as error:
            message = self.inliner.reporter.error(
                f"recorded: {error}", line=self.lineno
            )
            return [], [message]
        name = self.text.split("|")[0].strip()
        self.env.note_dependency(str(results.RECORDED / f"{name}.json"))
        return [nodes.inline("", text, classes=["bn-recorded"])], []


def setup(app):
    """Register the role with Sphinx."""
    app.add_role("recorded", Recorded())
    return {"parallel_read_safe": True, "parallel_write_safe": True}
