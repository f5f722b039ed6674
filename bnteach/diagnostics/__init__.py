"""Looks into networks: what goes through them, and which statistics they use.

Here live recorders of activations and gradients, the table of modes, and evaluation by
batch statistics. They leave a model as it was. Nothing here may know of an experiment
or import TensorFlow: all of it is written against Keras 3.
"""

from bnteach.diagnostics.activations import (
    BatchModeAccuracy,
    InputPercentiles,
    LayerInputs,
    Saturation,
    gradient_norms,
    gradients,
    saturated_share,
)
from bnteach.diagnostics.backward_factors import backward_factors, output_gradients
from bnteach.diagnostics.batch_statistics import (
    BatchStatisticsEvaluation,
    evaluate_with_batch_statistics,
)
from bnteach.diagnostics.company import accuracy_by_company
from bnteach.diagnostics.examine import examine
from bnteach.diagnostics.histograms import InputHistograms
from bnteach.diagnostics.modes import condense, format_table, truth_table
from bnteach.diagnostics.momenta import accuracy_by_momentum
from bnteach.diagnostics.recalibrate import (
    LayerStatistics,
    Recalibration,
    recalibrate,
)
from bnteach.diagnostics.report import Finding, Report

__all__ = [
    "BatchModeAccuracy",
    "BatchStatisticsEvaluation",
    "Finding",
    "InputHistograms",
    "InputPercentiles",
    "LayerInputs",
    "LayerStatistics",
    "Recalibration",
    "Report",
    "Saturation",
    "accuracy_by_company",
    "accuracy_by_momentum",
    "backward_factors",
    "condense",
    "evaluate_with_batch_statistics",
    "examine",
    "format_table",
    "gradient_norms",
    "gradients",
    "output_gradients",
    "recalibrate",
    "saturated_share",
    "truth_table",
]
