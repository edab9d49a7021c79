"""Every layer in every form its constructor knows: the tables of test_layers.py."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

inf = float("inf")
Array = np.ndarray


class Form(NamedTuple):
    """A call of a constructor and the inputs of the layer: arrays, or shapes of random ones."""

    name: str
    inputs: list[Any]
    args: tuple[Any, ...]
    settings: dict[str, Any]

    def make(self, library: Any, t: Any) -> Any:
        """The layer, ours or torch's; arrays become tensors, a text "nn..." a module."""
        args = [_given(value, library, t) for value in self.args]
        return getattr(library, self.name)(*args, **{key: _given(value, library, t) for key, value in self.settings.items()})

    def arrays(self, dtype: str) -> list[Array]:
        rng = np.random.default_rng(len(self.name))
        drawn = [rng.standard_normal(x) if isinstance(x, tuple) else x for x in self.inputs]
        return [x.astype(dtype) if x.dtype.kind == "f" else x for x in drawn]

    def __str__(self) -> str:
        shown = [_shown(x) for x in self.args] + [f"{key}={_shown(value)}" for key, value in self.settings.items()]
        return f"{self.name}({', '.join(shown)})-" + "·".join("x".join(map(str, getattr(x, "shape", x))) for x in self.inputs)


def _given(value: Any, library: Any, t: Any) -> Any:
    if isinstance(value, Array):
        return t.tensor(value)
    if isinstance(value, Form):
        return value.make(library, t)
    if isinstance(value, list) and value and isinstance(value[0], Form):
        return [part.make(library, t) for part in value]
    return value


def _shown(value: Any) -> str:
    return f"array{value.shape}" if isinstance(value, Array) else str(value)


def form(name: str, inputs: Any, *args: Any, **settings: Any) -> Form:
    """One input may stand for itself: its shape, or the array."""
    return Form(name, inputs if isinstance(inputs, list) else [inputs], args, settings)


def layers(*parts: Form) -> list[Form]:
    return list(parts)


ROWS = np.array([[1, 3, 1], [0, 4, 2]])
FLAT, STARTS = np.array([1, 3, 1, 0, 4, 2, 2]), np.array([0, 3, 3, 5])
SIGNS = np.array([[1.0, -1.0], [-1.0, -1.0], [1.0, 1.0]])
SIDES = np.array([1.0, -1.0, -1.0])
CLASSES = np.array([0, 2, 1])
PROBABILITIES = np.array([[0.1, 0.9], [0.5, 0.5], [0.8, 0.2]])
THIRDS = np.array([[0.2, 0.3, 0.5], [0.0, 1.0, 0.0], [0.6, 0.2, 0.2]])
WEIGHTS = np.array([1.0, 2.0, 0.5])
COUNTS = np.array([[0.0, 3.0], [1.0, 2.0], [5.0, 0.0]])
TABLE = np.arange(15.0).reshape(5, 3) / 7

LINEAR = [
    form("Linear", (5, 4), 4, 3),
    form("Linear", (2, 5, 4), 4, 3, bias=False),
    form("Linear", (4,), 4, 3),
    form("Linear", (20, 1), 1, 50),
    form("Bilinear", [(5, 4), (5, 3)], 4, 3, 2),
    form("Bilinear", [(2, 5, 4), (2, 5, 3)], 4, 3, 2, bias=False),
    form("Identity", (2, 3), 3, unused=4),
    form("Flatten", (2, 3, 4)),
    form("Flatten", (2, 3, 4), 0, 1),
    form("Flatten", (2, 3, 4, 5), start_dim=-3, end_dim=-2),
    form("Unflatten", (4, 6), 1, (2, 3)),
    form("Unflatten", (4, 6), -1, (3, -1)),
    form("Sequential", (6, 4), *layers(form("Linear", [], 4, 5), form("BatchNorm1d", [], 5), form("Tanh", []), form("Linear", [], 5, 1))),
]

PLAIN = ["ReLU", "ReLU6", "SELU", "SiLU", "Mish", "Hardsigmoid", "Hardswish"]
ACTIVATIONS = [
    *[form(name, (3, 4)) for name in (*PLAIN, "Sigmoid", "Tanh", "Softsign", "Tanhshrink", "LogSigmoid", "GELU", "Softplus", "GLU")],
    *[form(name, (3, 4), inplace=True) for name in PLAIN],
    form("LeakyReLU", (3, 4)),
    form("LeakyReLU", (3, 4), 0.2, True),
    form("ELU", (3, 4)),
    form("ELU", (3, 4), 2.0, True),
    form("CELU", (3, 4)),
    form("CELU", (3, 4), 2.0, True),
    form("Hardtanh", (3, 4)),
    form("Hardtanh", (3, 4), -0.5, 2, True),
    form("Threshold", (3, 4), 0.1, 2.0),
    form("Threshold", (3, 4), 0.1, 2.0, True),
    form("Softshrink", (3, 4)),
    form("Softshrink", (3, 4), 0.25),
    form("Hardshrink", (3, 4)),
    form("Hardshrink", (3, 4), 1),
    form("GELU", (3, 4), "tanh"),
    form("Softplus", (3, 4), 2, 3),
    form("PReLU", (3, 4), 4),
    form("PReLU", (2, 3, 4, 2), 3, 0.1),
    form("PReLU", (3, 4), init=0.5),
    form("GLU", (4, 3), 0),
    form("Softmin", (3, 4), 1),
    form("Softmax", (3, 4), dim=-1),
    form("LogSoftmax", (3, 4), 0),
    form("Softmax2d", (2, 3, 4, 5)),
    form("Softmax2d", (3, 4, 5)),
]

CONVOLUTIONS = [
    form("Conv1d", (2, 4, 9), 4, 6, 3),
    form("Conv1d", (4, 9), 4, 6, (3,), bias=False),
    form("Conv1d", (2, 4, 9), 4, 6, 3, 2, 1, 2, 2),
    form("Conv1d", (2, 4, 9), 4, 6, 4, padding="same"),
    form("Conv1d", (2, 4, 9), 4, 6, 3, padding="valid"),
    form("Conv1d", (2, 4, 9), 4, 8, 3, groups=4, padding=2, padding_mode="reflect"),
    form("Conv1d", (4, 9), 4, 4, 4, padding="same", dilation=2, padding_mode="circular"),
    form("Conv1d", (2, 4, 9), 4, 4, 3, padding="valid", padding_mode="replicate"),
    form("Conv2d", (2, 3, 7, 8), 3, 5, 3),
    form("Conv2d", (3, 7, 8), 3, 5, (3, 2), bias=False),
    form("Conv2d", (2, 4, 7, 8), 4, 6, (2, 3), (2, 1), (1, 2), (2, 1), 2),
    form("Conv2d", (2, 4, 7, 8), 4, 4, 3, groups=4),
    form("Conv2d", (2, 2, 7, 8), 2, 3, (2, 5), padding="same", dilation=(3, 1)),
    *[
        form("Conv2d", (2, 2, 7, 8), 2, 3, 3, stride=2, padding=(2, 1), padding_mode=m)
        for m in ("zeros", "reflect", "replicate", "circular")
    ],
    form("Conv2d", (2, 2, 7, 8), 2, 3, (2, 5), padding="same", padding_mode="reflect"),
    form("Conv3d", (2, 2, 4, 5, 4), 2, 3, 2),
    form("Conv3d", (4, 4, 5, 4), 4, 2, (1, 3, 2), 2, 1, 1, 2, False, "circular"),
    form("ConvTranspose1d", (2, 4, 5), 4, 6, 3),
    form("ConvTranspose1d", (4, 5), 4, 6, 3, 2, 1, 1, 2, False, 2),
    form("ConvTranspose2d", (2, 3, 4, 5), 3, 5, 3),
    form("ConvTranspose2d", (2, 4, 4, 5), 4, 6, (2, 3), (2, 3), (1, 0), (1, 2), 2, True, (1, 2)),
    form("ConvTranspose2d", (3, 4, 5), 3, 2, 2, bias=False),
    form("ConvTranspose3d", (2, 2, 3, 2, 3), 2, 3, 2, 2, output_padding=(1, 0, 1)),
    form("Unfold", (2, 3, 6, 7), 2),
    form("Unfold", (3, 6, 7), (2, 3), (2, 1), (1, 2), (1, 3)),
    form("Fold", (2, 12, 20), (5, 6), 2),
    form("Fold", (12, 20), (5, 6), 2),
    form("Fold", (2, 12, 6), output_size=(5, 6), kernel_size=(2, 3), dilation=1, padding=(1, 0), stride=2),
]

POOLINGS = [
    form("MaxPool1d", (2, 3, 9), 2),
    form("MaxPool1d", (3, 9), 3, 2, 1, 2, True, True),
    form("MaxPool2d", (2, 3, 7, 8), 2),
    form("MaxPool2d", (3, 7, 8), (3, 2), (2, 3), (1, 0), (1, 2)),
    form("MaxPool2d", (2, 3, 7, 8), 3, stride=2, ceil_mode=True, return_indices=True),
    form("MaxPool3d", (2, 2, 4, 5, 6), 2),
    form("MaxPool3d", (2, 4, 5, 6), (2, 3, 1), 2, (1, 1, 0), 1, True, True),
    form("MaxUnpool1d", [(1, 2, 3), np.array([[[0, 2, 4], [1, 2, 5]]])], 2),
    form("MaxUnpool1d", [(1, 2, 3), np.array([[[0, 2, 4], [1, 2, 5]]])], 3, 2, 0),
    form("MaxUnpool2d", [(1, 2, 2), np.array([[[0, 6], [9, 14]]])], (2, 2)),
    form("MaxUnpool2d", [(1, 1, 2, 2), np.array([[[[0, 6], [9, 14]]]])], 4, 2, 1),
    form("MaxUnpool3d", [(1, 1, 1, 1, 2), np.array([[[[[0, 15]]]]])], 2),
    form("AvgPool1d", (2, 3, 9), 2),
    form("AvgPool1d", (3, 9), (3,), 2, 1, True, False),
    form("AvgPool2d", (2, 3, 7, 8), 2),
    form("AvgPool2d", (3, 7, 8), (3, 2), (2, 3), (1, 0), True, False),
    form("AvgPool2d", (2, 3, 7, 8), 3, divisor_override=5),
    form("AvgPool3d", (2, 2, 4, 5, 6), 2),
    form("AvgPool3d", (2, 4, 5, 6), (2, 3, 1), 1, (1, 1, 0), True, False, 7),
    form("LPPool1d", (2, 3, 9), 2, 3),
    form("LPPool1d", (3, 9), inf, 2, 1, True),
    form("LPPool2d", (2, 3, 7, 8), 2, (2, 3), 2),
    form("LPPool2d", (2, 3, 7, 8), 4, 3, ceil_mode=True),
    form("LPPool3d", (2, 2, 4, 5, 6), 2, 2),
    form("AdaptiveAvgPool1d", (2, 3, 9), 4),
    form("AdaptiveAvgPool2d", (2, 3, 7, 8), 1),
    form("AdaptiveAvgPool2d", (3, 7, 8), (None, 3)),
    form("AdaptiveAvgPool3d", (2, 2, 4, 5, 6), (2, 3, None)),
    form("AdaptiveMaxPool1d", (2, 3, 9), 4),
    form("AdaptiveMaxPool1d", (3, 9), 4, return_indices=True),
    form("AdaptiveMaxPool2d", (2, 3, 7, 8), (3, None)),
    form("AdaptiveMaxPool2d", (3, 7, 8), 2, True),
    form("AdaptiveMaxPool3d", (2, 2, 4, 5, 6), (2, 3, None)),
]

IMAGES = [(2, 3, 5), (2, 3, 5, 6), (2, 3, 4, 5, 6)]
SIDED: list[Any] = [(1, 2), (0, 1, 2, 1), (1, 2, 0, 1, 2, 1)]
PADDINGS = [
    *[form(f"ConstantPad{n}d", IMAGES[n - 1], 2, 3.5) for n in (1, 2, 3)],
    *[form(f"ConstantPad{n}d", IMAGES[n - 1][1:], SIDED[n - 1], 0) for n in (1, 2, 3)],
    form("ConstantPad2d", (2, 3, 5, 6), (-1, 2, 1, -2), 1.5),
    *[form(f"{k}Pad{n}d", IMAGES[n - 1], 2) for k in ("Zero", "Reflection", "Replication", "Circular") for n in (1, 2, 3)],
    *[form(f"{k}Pad{n}d", IMAGES[n - 1][1:], SIDED[n - 1]) for k in ("Zero", "Reflection", "Replication", "Circular") for n in (1, 2, 3)],
]

SIZES = [
    form("Upsample", (2, 3, 4), 7),
    form("Upsample", (2, 3, 4), scale_factor=2.5, mode="linear"),
    form("Upsample", (2, 3, 4, 5), (3, 8), mode="bilinear"),
    form("Upsample", (2, 3, 4, 5), scale_factor=(2, 1.5), mode="bilinear", align_corners=True),
    form("Upsample", (2, 3, 4, 5), scale_factor=1.7, mode="bilinear", recompute_scale_factor=True),
    form("Upsample", (2, 3, 4, 5), scale_factor=2, mode="nearest-exact"),
    form("Upsample", (2, 3, 4, 5), (7, 3), mode="bicubic"),
    form("Upsample", (1, 2, 3, 4, 3), scale_factor=2, mode="trilinear"),
    form("UpsamplingNearest2d", (2, 3, 4, 5), (3, 7)),
    form("UpsamplingNearest2d", (2, 3, 4, 5), scale_factor=2),
    form("UpsamplingBilinear2d", (2, 3, 4, 5), scale_factor=3),
    form("PixelShuffle", (2, 8, 3, 4), 2),
    form("PixelShuffle", (9, 3, 4), 3),
    form("PixelUnshuffle", (2, 3, 4, 6), 2),
    form("ChannelShuffle", (2, 6, 4), 3),
    form("ChannelShuffle", (2, 6, 4, 3), 2),
]

NORMS = [
    form("BatchNorm1d", (6, 4), 4),
    form("BatchNorm1d", (3, 4, 5), 4, 1e-3, 0.3),
    form("BatchNorm1d", (3, 4, 5), 4, momentum=None),
    form("BatchNorm1d", (3, 4, 5), 4, affine=False),
    form("BatchNorm1d", (3, 4, 5), 4, track_running_stats=False),
    form("BatchNorm1d", (3, 4, 5), 4, affine=False, track_running_stats=False),
    form("BatchNorm1d", (3, 4, 5), 4, bias=False),
    form("BatchNorm2d", (3, 4, 5, 2), 4),
    form("BatchNorm2d", (3, 4, 5, 2), 4, 1e-2, None, False),
    form("BatchNorm3d", (2, 3, 2, 3, 2), 3),
    form("InstanceNorm1d", (3, 4, 5), 4),
    form("InstanceNorm1d", (4, 5), 4, affine=True),
    form("InstanceNorm1d", (3, 4, 5), 4, 1e-3, 0.3, True, True),
    form("InstanceNorm1d", (3, 4, 5), 4, affine=True, bias=False),
    form("InstanceNorm2d", (3, 4, 5, 2), 4),
    form("InstanceNorm2d", (4, 5, 2), 4, track_running_stats=True),
    form("InstanceNorm2d", (3, 4, 5, 2), 7),
    form("InstanceNorm3d", (2, 3, 2, 3, 2), 3, affine=True),
    form("LayerNorm", (3, 4), 4),
    form("LayerNorm", (3, 4, 5), (4, 5), 1e-2),
    form("LayerNorm", (3, 4, 5), [5], elementwise_affine=False),
    form("LayerNorm", (3, 4), 4, bias=False),
    form("GroupNorm", (3, 6, 4), 2, 6),
    form("GroupNorm", (3, 6, 4, 2), 3, 6, 1e-2, False),
    form("GroupNorm", (3, 6), 2, 6, bias=False),
    form("RMSNorm", (3, 4), 4),
    form("RMSNorm", (3, 4, 5), (4, 5), 1e-2),
    form("RMSNorm", (3, 4), 4, elementwise_affine=False),
    form("LocalResponseNorm", (2, 5, 3), 2),
    form("LocalResponseNorm", (2, 5, 3, 2), 3, 0.5, 1.5, 2.0),
]

TABLES = [
    form("Embedding", ROWS, 5, 3),
    form("Embedding", ROWS[0, 0], 5, 3),
    form("Embedding", ROWS, 5, 3, 1),
    form("Embedding", ROWS, 5, 3, padding_idx=-1),
    form("Embedding", ROWS, 5, 3, max_norm=1.0),
    form("Embedding", ROWS, 5, 3, None, 1.5, 1.0),
    form("Embedding", ROWS, 5, 3, scale_grad_by_freq=True),
    form("Embedding", ROWS, 5, 3, _weight=TABLE),
    form("Embedding", ROWS, 5, 3, _weight=TABLE, _freeze=True),
    *[form("EmbeddingBag", ROWS, 5, 3, mode=mode) for mode in ("sum", "mean", "max")],
    *[form("EmbeddingBag", [FLAT, STARTS], 5, 3, mode=mode, padding_idx=1) for mode in ("sum", "mean", "max")],
    form("EmbeddingBag", [FLAT, np.append(STARTS, 7)], 5, 3, include_last_offset=True),
    form("EmbeddingBag", ROWS, 5, 3, 1.0, 1.0),
    form("EmbeddingBag", np.array([[1, 3, 1], [3, 0, 0]]), 5, 3, scale_grad_by_freq=True, mode="sum"),  # torch mixes up unequal counts
    form("EmbeddingBag", ROWS, 5, 3, _weight=TABLE, padding_idx=-2),
]

ALL, ENDS = ("none", "mean", "sum"), ("none", "sum")
LOSSES = [
    *[form(name, [(3, 4), (3, 4)], reduction=r) for name in ("MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss") for r in ALL],
    form("SmoothL1Loss", [(3, 4), (3, 4)], beta=0.5),
    form("SmoothL1Loss", [(3, 4), (3, 4)], beta=0.0),
    form("HuberLoss", [(3, 4), (3, 4)], "none", 0.3),
    *[form("KLDivLoss", [(3, 3), THIRDS], reduction=r) for r in (*ALL, "batchmean")],
    form("KLDivLoss", [(3, 4), (3, 4)], reduction="batchmean", log_target=True),
    *[form("BCELoss", [THIRDS * 0.9 + 0.05, THIRDS], reduction=r) for r in ALL],
    form("BCELoss", [THIRDS * 0.9 + 0.05, THIRDS], WEIGHTS),
    *[form("BCEWithLogitsLoss", [(3, 3), THIRDS], reduction=r) for r in ALL],
    form("BCEWithLogitsLoss", [(3, 3), THIRDS], WEIGHTS, pos_weight=WEIGHTS[::-1].copy()),
    *[form(name, [(3, 3), CLASSES], reduction=r) for name in ("NLLLoss", "CrossEntropyLoss") for r in ALL],
    *[form(name, [(3, 3), CLASSES], WEIGHTS, ignore_index=2, reduction=r) for name in ("NLLLoss", "CrossEntropyLoss") for r in ALL],
    form("NLLLoss", [(2, 3, 4), np.array([[0, 1, 2, 1], [2, 2, 0, 0]])], WEIGHTS),
    form("CrossEntropyLoss", [(2, 3, 4), np.array([[0, 1, 2, 1], [2, 2, 0, -100]])], WEIGHTS, label_smoothing=0.2),
    *[form("CrossEntropyLoss", [(3, 3), THIRDS], WEIGHTS, reduction=r, label_smoothing=0.1) for r in ALL],
    form("CrossEntropyLoss", [(3,), np.array(1)]),
    *[form("LinearCrossEntropyLoss", [(3, 4), CLASSES], 4, 3, bias=bias, reduction=r) for bias in (False, True) for r in ALL],
    form("LinearCrossEntropyLoss", [(3, 4), CLASSES], 4, 3, weight=WEIGHTS, ignore_index=2, label_smoothing=0.1),
    form("LinearCrossEntropyLoss", [(3, 4), np.array([[0, 1], [2, 2], [1, 0]])], 4, 3, out_features=(2,), bias=True),
    *[form("PoissonNLLLoss", [(3, 2), COUNTS], full=full, reduction=r) for full in (False, True) for r in ALL],
    form("PoissonNLLLoss", [PROBABILITIES, COUNTS], False, eps=0.1),
    *[form("GaussianNLLLoss", [(3, 2), (3, 2), PROBABILITIES], full=full, reduction=r) for full in (False, True) for r in ALL],
    form("GaussianNLLLoss", [(3, 2), (3, 2), PROBABILITIES[:, :1]], eps=0.3),
    *[form("HingeEmbeddingLoss", [(3, 2), SIGNS], 0.5, reduction=r) for r in ALL],
    form("HingeEmbeddingLoss", [(3, 2), SIGNS]),
    *[form("SoftMarginLoss", [(3, 2), SIGNS], reduction=r) for r in ALL],
    *[form("MarginRankingLoss", [(3,), (3,), SIDES], 0.3, reduction=r) for r in ALL],
    form("MarginRankingLoss", [(3,), (3,), SIDES]),
    *[form("CosineEmbeddingLoss", [(3, 2), (3, 2), SIDES], -0.5, reduction=r) for r in ALL],
    form("CosineEmbeddingLoss", [(3, 2), (3, 2), SIDES]),
    *[form("TripletMarginLoss", [(3, 2)] * 3, 2.0, swap=True, reduction=r) for r in ALL],
    form("TripletMarginLoss", [(3, 2)] * 3, 1.5, 3, 1e-3),
    *[form("TripletMarginWithDistanceLoss", [(3, 2)] * 3, margin=2.0, swap=True, reduction=r) for r in ALL],
    form("TripletMarginWithDistanceLoss", [(3, 2)] * 3, distance_function=form("Bilinear", [], 2, 2, 1)),
    *[form("MultiMarginLoss", [(3, 3), CLASSES], p, 0.7, reduction=r) for p in (1, 2) for r in ALL],
    form("MultiMarginLoss", [(3, 3), CLASSES], weight=WEIGHTS),
    *[form("MultiLabelMarginLoss", [(2, 3), np.array([[2, 0, -1], [1, -1, 0]])], reduction=r) for r in ALL],
    *[form("MultiLabelSoftMarginLoss", [(3, 3), np.round(THIRDS)], reduction=r) for r in ALL],
    form("MultiLabelSoftMarginLoss", [(3, 3), np.round(THIRDS)], WEIGHTS),
    form("MSELoss", [(3, 4), (3, 4)], size_average=False),
    form("MSELoss", [(3, 4), (3, 4)], reduce=False),
    form("CosineSimilarity", [(3, 4), (3, 4)]),
    form("CosineSimilarity", [(3, 4, 2), (3, 4, 2)], -1, 0.1),
    form("PairwiseDistance", [(3, 4), (3, 4)]),
    form("PairwiseDistance", [(3, 4), (3, 4)], 1, 1e-2, True),
    form("PairwiseDistance", [(3, 4), (3, 4)], p=3.5),
]

RECURRENT = [
    form("RNN", (5, 2, 4), 4, 3),
    form("RNN", (5, 2, 4), 4, 3, 2, "relu", False, bidirectional=True),
    form("RNN", (5, 4), 4, 3, batch_first=True),
    form("RNN", (1, 1, 4), 4, 3),
    *[form(name, (5, 2, 4), 4, 3) for name in ("LSTM", "GRU")],
    *[form(name, (2, 5, 4), 4, 3, 2, False, True) for name in ("LSTM", "GRU")],
    *[form(name, (5, 4), 4, 3, 2, bidirectional=True) for name in ("LSTM", "GRU")],
    form("LSTM", (5, 2, 4), 4, 3, 2, bidirectional=True, proj_size=2),
    form("LSTM", (5, 2, 4), 4, 3, bias=False, proj_size=1),
    *[form(name, (2, 4), 4, 3) for name in ("RNNCell", "LSTMCell", "GRUCell")],
    *[form(name, (4,), 4, 3, False) for name in ("RNNCell", "LSTMCell", "GRUCell")],
    form("RNNCell", (2, 4), 4, 3, nonlinearity="relu"),
]

ATTENTION = [
    *[form("MultiheadAttention", [(5, 2, 4), (3, 2, 4), (3, 2, 4)], 4, 2, **more) for more in ({}, {"bias": False}, {"add_bias_kv": True})],
    form("MultiheadAttention", [(2, 5, 4), (2, 3, 6), (2, 3, 2)], 4, 2, kdim=6, vdim=2, batch_first=True, add_zero_attn=True),
    form("MultiheadAttention", [(5, 4), (3, 4), (3, 4)], 4, 1, batch_first=True),
    form("TransformerEncoderLayer", (5, 2, 4), 4, 2, 6, 0.0),
    form("TransformerEncoderLayer", (2, 5, 4), 4, 2, 6, 0.0, "gelu", 1e-3, True, True, False),
    form("TransformerEncoderLayer", (5, 4), 4, 2, 6, 0.0),
    form("TransformerDecoderLayer", [(5, 2, 4), (3, 2, 4)], 4, 2, 6, 0.0),
    form("TransformerDecoderLayer", [(2, 5, 4), (2, 3, 4)], 4, 2, 6, 0.0, "gelu", 1e-3, True, True, False),
    form("TransformerEncoder", (5, 2, 4), form("TransformerEncoderLayer", [], 4, 2, 6, 0.0), 2),
    form("TransformerEncoder", (5, 2, 4), form("TransformerEncoderLayer", [], 4, 2, 6, 0.0), 1, form("LayerNorm", [], 4)),
    form("TransformerDecoder", [(5, 2, 4), (3, 2, 4)], form("TransformerDecoderLayer", [], 4, 2, 6, 0.0), 2, form("LayerNorm", [], 4)),
    form("Transformer", [(5, 2, 4), (3, 2, 4)], 4, 2, 2, 1, 6, 0.0),
    form("Transformer", [(2, 5, 4), (2, 3, 4)], 4, 2, 1, 2, 6, 0.0, "gelu", batch_first=True, norm_first=True, bias=False),
]

DRAWING = [
    form("MultiheadAttention", [(5, 2, 4), (3, 2, 4), (3, 2, 4)], 4, 2, 0.2),
    form("TransformerEncoderLayer", (5, 2, 4), 4, 2, 6),
    form("Transformer", [(5, 2, 4), (3, 2, 4)], 4, 2, 2, 1, 6),
    form("LSTM", (5, 2, 4), 4, 3, 2, dropout=0.4),
    form("Dropout", (3, 4)),
    form("Dropout", (3, 4), 0.2, True),
    form("Dropout1d", (2, 3, 4)),
    form("Dropout1d", (3, 4), 0.2, True),
    form("Dropout2d", (2, 3, 4, 2)),
    form("Dropout3d", (2, 3, 4, 2, 1), p=0.3),
    form("Dropout3d", (3, 4, 2, 1), p=0.3, inplace=True),
    form("AlphaDropout", (3, 4)),
    form("AlphaDropout", (3, 4), 0.2, True),
    form("FeatureAlphaDropout", (2, 3, 4), 0.4),
    form("RReLU", (3, 4)),
    form("RReLU", (3, 4), 0.1, 0.9, True),
]

FIXED = [*LINEAR, *ACTIVATIONS, *CONVOLUTIONS, *POOLINGS, *PADDINGS, *SIZES, *NORMS, *TABLES, *LOSSES, *RECURRENT, *ATTENTION]
FORMS = [*FIXED, *DRAWING]
