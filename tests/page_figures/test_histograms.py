import numpy as np
import pytest

from bnteach.page_figures import training_histograms

STEP, EDGES = [0, 10, 20], [-1, 0, 1]


def counts(first=1):
    view = np.array([[first, 9], [5, 5], [9, 1]])  # (T, bins)
    return {"one unit": view, "all": 10 * view}


def figure(**changes):
    given = {
        "counts": {False: counts(), True: counts(2)},
        "accuracy": {False: [0.1, 0.1, 0.5], True: [0.1, 0.9, 0.95]},
        **changes,
    }
    return training_histograms(STEP, EDGES, **given, description="two bars")


def test_controls_start_with_the_first_step_of_the_plain_network():
    controls = {c["param"]: c for c in figure().spec()["usermeta"]["controls"]}
    assert (
        controls["step"] | {"min": 0, "max": 20, "step": 10, "value": 0}
        == (controls["step"])
    )
    assert controls["bn"]["value"] is False
    assert controls["which"]["options"] == ["one unit", "all"]


def picture(bn, step, which):
    """Return the still picture of a state."""
    import vl_convert

    spec = figure().spec()
    for param in spec["params"]:
        given = {"bn": bn, "step": step, "which": which}
        if param["name"] in given:
            param["value"] = given[param["name"]]
    return vl_convert.vegalite_to_svg(spec)


def test_step_network_and_view_choose_what_is_drawn():
    pictures = {
        (bn, step, which): picture(bn, step, which)
        for bn in (False, True)
        for step in STEP
        for which in ("one unit", "all")
    }
    # The bars are shares of the fullest bin: ten times the counts look the same.
    assert pictures[False, 0, "one unit"] == pictures[False, 0, "all"]
    different = {p for (_, _, which), p in pictures.items() if which == "all"}
    assert len(different) == 6
    assert "plain, step 20" in pictures[False, 20, "all"]
    assert "batch norm, step 10" in pictures[True, 10, "all"]


def test_arrays_that_do_not_fit():
    wrong = {False: counts(), True: {**counts(), "all": np.ones((3, 4))}}
    with pytest.raises(ValueError, match=r"counts of 'all'.*\(3, 2\).*\(3, 4\)"):
        figure(counts=wrong)
    with pytest.raises(ValueError, match=r"accuracy with shape \(3,\).*\(2,\)"):
        figure(accuracy={False: [0.1, 0.2], True: [0.1, 0.2, 0.3]})
