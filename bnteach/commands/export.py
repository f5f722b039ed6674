"""``bnteach export``: write a saved model for serving, in inference mode, checked."""

from __future__ import annotations

from pathlib import Path

from bnteach.commands import model_files

FORMATS = ("savedmodel", "onnx", "litert")


def add_to(commands) -> None:
    """Add this command to the parser's commands."""
    parser = commands.add_parser(
        "export",
        help="export a model in inference mode and check what was written",
        description="Export a saved model in inference mode, whatever it was built "
        "with, call the artifact, and compare. Exit status 1 if it answers otherwise.",
    )
    model_files.add_model(parser)
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default="savedmodel",
        help="default: savedmodel; onnx and litert need the extra of that name "
        "(onnxruntime runs on macOS from version 14 on)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="PATH",
        required=True,
        help="a folder for savedmodel, a file that ends in .onnx or .tflite",
    )
    parser.add_argument(
        "--fold", action="store_true", help="fold the batch normalizations first"
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="FILE.npz",
        help="examples for the check (default: random numbers): "
        + model_files.DATA_HELP,
    )
    parser.set_defaults(command=main)


def main(parsed) -> int:
    """Export, print the report of the check."""
    x = None
    if parsed.data is not None:
        found = model_files.load_data(parsed.data)
        x = found[0] if isinstance(found, tuple) else found
    from bnteach.deployment import formats

    formats.require(parsed.format)
    model_files.check_folder(parsed.out)
    model = model_files.load_model(parsed)
    import keras

    from bnteach.deployment import export

    if x is not None:  # a few are enough
        model_files.check_inputs(model, x)
        x = keras.tree.map_structure(lambda array: array[:16], x)
    report = export(model, parsed.out, format=parsed.format, fold=parsed.fold, x=x)
    print(report)
    print(f"Written: {parsed.out} and {parsed.out}.about.json")
    return 0 if report.ok else 1
