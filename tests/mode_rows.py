"""The rows of the table of modes as the rules of chapter 4 have them, run by nobody."""

BATCH, MOVING = ("batch", True, True), ("moving", False, False)
FORWARD, LEARNED = ("batch", True, False), ("moving", False, True)
SWITCH = (None, True, False)
TRAINABLE = {
    "True": (False, False),  # frozen for fit, frozen for model(x)
    "False": (True, True),
    "True, then False": (False, True),
    "False, then True": (True, False),
}


def result(caller, building, call, trainable):
    """What the rules of the chapter say, written another way than in the package."""
    if TRAINABLE[trainable][caller == "model(x)"]:
        return MOVING
    if caller == "model(x)":
        asked = building if call is None else call
        return FORWARD if asked else MOVING
    return {"evaluate": MOVING, "predict": MOVING, "subclass fit": LEARNED}.get(
        caller, BATCH
    )


CALLERS = ("fit", "evaluate", "predict", "model(x)", "nested fit", "subclass fit")
ROWS = [
    (*key, *result(*key))
    for caller in CALLERS
    for building in SWITCH
    for call in (SWITCH if caller == "model(x)" else (None,))
    for trainable in TRAINABLE
    for key in [(caller, building, call, trainable)]
]
