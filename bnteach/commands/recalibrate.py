"""``bnteach recalibrate``: give a saved model the statistics of whole data."""

from __future__ import annotations

from bnteach.commands import model_files


def add_to(commands) -> None:
    """Add this command to the parser's commands."""
    parser = commands.add_parser(
        "recalibrate",
        help="replace a model's moving statistics by those of whole data",
        description="Replace the moving statistics of a saved model by the statistics "
        "of training data, in one pass. The model is read, never overwritten.",
    )
    model_files.add_model(parser)
    model_files.add_data(parser, required=True)
    model_files.add_out(parser)
    parser.add_argument(
        "--max-batches", type=int, metavar="N", help="use so many batches alone"
    )
    parser.add_argument(
        "--include-frozen",
        action="store_true",
        help="also layers with trainable=False, which keep their statistics otherwise",
    )
    parser.set_defaults(command=main)


def main(parsed) -> None:
    """Recalibrate, print what changed, write the new model."""
    model_files.check_out(parsed)
    data = model_files.load_data(parsed.data)
    model = model_files.load_model(parsed)
    model_files.check_inputs(model, data)
    from bnteach.diagnostics import recalibrate

    done = recalibrate(
        model,
        data,
        batch_size=parsed.batch_size,
        max_batches=parsed.max_batches,
        include_frozen=parsed.include_frozen,
    )
    model_files.save_model(model, parsed.out)
    print(done)
    print(f"Written: {parsed.out}")
