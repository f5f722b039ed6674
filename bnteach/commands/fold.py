"""``bnteach fold``: take a saved model's batch normalizations into other layers."""

from __future__ import annotations

from bnteach.commands import model_files


def add_to(commands) -> None:
    """Add this command to the parser's commands."""
    parser = commands.add_parser(
        "fold",
        help="fold a model's batch normalizations into the layers beside them",
        description="Fold the batch normalizations of a saved model into the layers "
        "beside them, for inference. The model is read, never overwritten.",
    )
    model_files.add_model(parser)
    model_files.add_out(parser)
    parser.set_defaults(command=main)


def main(parsed) -> None:
    """Fold, print what became of each layer, write the new model."""
    model_files.check_out(parsed)
    model = model_files.load_model(parsed)
    from bnteach.deployment import fold

    try:
        result = fold(model)
    except TypeError as error:  # a subclassed model, which the user can do nothing to
        raise ValueError(str(error)) from error
    model_files.save_model(result.model, parsed.out)
    print(result)
    before, after = model.count_params(), result.model.count_params()
    print(f"{len(result.folded)} folded, {len(result.kept)} kept; ", end="")
    print(f"{before:,} parameters before, {after:,} after")
    print(f"Written: {parsed.out}")
