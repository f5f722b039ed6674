"""Small recorded runs, as the objects that their JSON files hold."""


def part(seed=0, **changes):
    """One variant with one seed."""
    return {
        "seed": seed,
        "step": [0, 10],
        "curves": {"val_accuracy": [0.1, 0.9]},
        "probes": {},
        "measured": {"test_accuracy": 0.875},
        "seconds": 1.0,
    } | changes


def run(**variants):
    """A run with these variants, by default a plain one with one seed."""
    return {
        "name": "demo",
        "title": "A demonstration",
        "profile": "full",
        "settings": {},
        "dataset": {"name": "mnist", "sha256": "", "note": ""},
        "packages": {},
        "processor": "a processor",
        "date": "2026-01-02",
        "seconds": 1.0,
        "variants": variants or {"plain": [part()]},
    }
