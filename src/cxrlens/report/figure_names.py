"""The figures of a judgement have names for people.

SPDX-License-Identifier: Apache-2.0
"""

_NAMES = {
    "recall": "sensitivity",
    "precision": "precision (PPV)",
    "npv": "negative predictive value (NPV)",
    "f1": "F1",
    "auroc": "AUROC",
    "brier": "Brier score",
    "calibration_error": "calibration error (ECE)",
    "calibration_error_debiased": "calibration error, debiased",
    "macro_average_precision": "average precision, mean over classes",
    "macro_recall": "sensitivity, mean over classes",
    "macro_precision": "precision, mean over classes",
    "macro_f1": "F1, mean over classes",
    "macro_auroc": "AUROC, mean over classes",
}


def name_figure(name: str, class_name: str | None = None) -> str:
    """Name a figure for people.

    Args:
        name: as the judgement calls it, such as `recall`.
        class_name: the class that it is of; None where it is of all.

    Returns:
        The usual term; of one without, its name in words.

    Example:
        >>> name_figure("recall", "covid"), name_figure("average_precision")
        ('sensitivity of covid', 'average precision')
    """
    told = _NAMES.get(name, name.replace("_", " "))
    return told if class_name is None else f"{told} of {class_name}"
