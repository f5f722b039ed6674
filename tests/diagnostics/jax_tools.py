"""What test_jax_tools.py runs in a new process: the tools, with Keras on JAX.

As a program: ``python jax_tools.py REPORT``. It hides TensorFlow, plants a fault in a
small network, and writes what the tools said of it as JSON.
"""

import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
import jax_backend


def main():
    jax_backend.hide_tensorflow()
    import keras
    from small_models import cnn, compiled, digits, fit, norms

    from bnteach.deployment import fold
    from bnteach.diagnostics import examine, recalibrate

    keras.utils.set_random_seed(0)
    model, data = fit(compiled(cnn())), digits()
    kept = [np.array(variable) for variable in model.variables]
    healthy = examine(model, data, batch_size=32)
    same = all(np.array_equal(a, b) for a, b in zip(kept, model.variables, strict=True))
    norms(model)[0].moving_mean.assign(norms(model)[0].moving_mean + 100)
    planted = examine(model, data, batch_size=32)
    done = recalibrate(model, data, batch_size=32)
    mended = examine(model, data, batch_size=32)
    folded = fold(model)
    x = data[0][:64]
    wanted, found = (m.predict(x, verbose=0) for m in (model, folded.model))
    report = {
        "backend": keras.backend.backend(),
        "codes": {"healthy": healthy.codes, "planted": planted.codes},
        "mended": mended.codes,
        "same": same,
        "accuracy": dict(done.accuracy),
        "folded": len(folded.folded),
        "difference": float(np.abs(wanted - found).max() / np.abs(wanted).max()),
        "tensorflow": "tensorflow" in sys.modules,
    }
    Path(sys.argv[1]).write_text(json.dumps(report), encoding="utf-8")


if __name__ == "__main__":
    main()
