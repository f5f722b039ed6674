"""``bnteach examine``: look for what goes wrong with batch normalization in a model."""

from __future__ import annotations

import json

from bnteach.commands import model_files

EXIT_FOUND = 1
EXIT_WARNINGS = 3


def add_to(commands) -> None:
    """Add this command to the parser's commands."""
    parser = commands.add_parser(
        "examine",
        help="examine a saved model, and the data that it is trained on",
        description="Examine the batch normalizations of a saved model. Exit status: "
        "0 if nothing is wrong, 1 on an error, 3 on warnings with --strict, 2 if the "
        "model or the data cannot be read.",
    )
    model_files.add_model(parser)
    model_files.add_data(parser, required=False)
    parser.add_argument(
        "--max-batches",
        type=int,
        default=20,
        metavar="N",
        help="look at so many batches (default: 20)",
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument(
        "--ignore",
        action="append",
        default=[],
        metavar="CODE",
        help="leave a code out of the report; may be repeated",
    )
    parser.add_argument(
        "--strict", action="store_true", help="exit with 3 if there are warnings"
    )
    parser.set_defaults(command=main)


def main(parsed) -> int:
    """Print the report; return the exit status that it asks for."""
    data = None if parsed.data is None else model_files.load_data(parsed.data)
    model = model_files.load_model(parsed)
    if data is not None:
        model_files.check_inputs(model, data)
    from bnteach.diagnostics import examine

    report = examine(
        model,
        data,
        batch_size=None if data is None else parsed.batch_size,
        max_batches=parsed.max_batches,
        ignore=parsed.ignore,
    )
    print(json.dumps(report.to_dict(), indent=1) if parsed.json else report)
    severities = {one.severity for one in report.findings}
    if "error" in severities:
        return EXIT_FOUND
    return EXIT_WARNINGS if parsed.strict and "warning" in severities else 0
