"""What must exist, by PyTorch's names: `python -m tests.scope` lists what does not. A suffix after the last dot may name a call form."""

from __future__ import annotations

import functools
from typing import Any

import tinygrad_reg as tg

OPERATIONS = """
add sub mul div.no_rounding_mode div.floor_rounding floor_divide remainder pow lerp addcmul addcdiv atan2 logaddexp maximum minimum
max.binary min.binary clamp clamp_min clamp_max __radd__ __rsub__ __rmul__ __rdiv__ __rpow__ __rmatmul__ abs neg sign exp exp2 expm1 log
log2 log10 log1p sqrt rsqrt square reciprocal sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh sigmoid logit erf erfc floor
ceil round trunc nan_to_num eq ne lt le gt ge isclose allclose equal isnan isinf isfinite logical_and logical_or logical_not sum mean
prod amax amin max.reduction_no_dim max.reduction_with_dim min.reduction_no_dim min.reduction_with_dim argmax argmin all any std var
var_mean logsumexp cumsum cumprod norm linalg.norm linalg.vector_norm softmax log_softmax nn.functional.softmin reshape view flatten
unflatten squeeze unsqueeze transpose permute movedim t T mT expand broadcast_to repeat tile repeat_interleave flip roll clone
contiguous diag diagonal diag_embed tril triu trace cat stack hstack vstack split split_with_sizes chunk unbind tensor_split
meshgrid.variadic_tensors __getitem__ narrow select index_select gather take_along_dim scatter scatter_add index_add index_copy
index_fill index_put masked_fill masked_select where nonzero sort argsort topk matmul mm bmm mv dot addmm outer inner einsum tensordot
arange linspace eye zeros ones full zeros_like ones_like full_like new_zeros item to double float long bool nn.functional.relu
nn.functional.relu6 nn.functional.leaky_relu nn.functional.prelu nn.functional.elu nn.functional.selu nn.functional.gelu
nn.functional.silu nn.functional.mish nn.functional.softplus nn.functional.softsign nn.functional.logsigmoid nn.functional.hardtanh
nn.functional.hardsigmoid nn.functional.hardswish nn.functional.glu nn.functional.mse_loss nn.functional.l1_loss
nn.functional.smooth_l1_loss nn.functional.huber_loss nn.functional.cross_entropy nn.functional.nll_loss
nn.functional.binary_cross_entropy nn.functional.binary_cross_entropy_with_logits nn.functional.kl_div
nn.functional.hinge_embedding_loss nn.functional.triplet_margin_loss nn.functional.linear nn.functional.conv1d nn.functional.conv2d
nn.functional.conv_transpose1d nn.functional.conv_transpose2d nn.functional.max_pool1d nn.functional.max_pool2d nn.functional.avg_pool1d
nn.functional.avg_pool2d nn.functional.adaptive_avg_pool1d nn.functional.adaptive_avg_pool2d nn.functional.batch_norm
nn.functional.layer_norm nn.functional.group_norm nn.functional.instance_norm nn.functional.rms_norm nn.functional.embedding
nn.functional.one_hot nn.functional.dropout nn.functional.pad.constant nn.functional.pad.reflect nn.functional.pad.replicate
nn.functional.pad.circular nn.functional.scaled_dot_product_attention nn.functional.interpolate.nearest
nn.functional.interpolate.bilinear nn.functional.unfold nn.functional.cosine_similarity nn.functional.normalize
nn.functional.pixel_shuffle
"""
BESIDES = """
empty full rand randn randint randperm normal bernoulli multinomial uniform_ normal_ manual_seed Generator set_default_dtype finfo iinfo
allclose testing.assert_close from_numpy as_tensor from_dlpack no_grad enable_grad inference_mode set_grad_enabled autograd.grad
autograd.backward autograd.Function nn.functional.multi_head_attention_forward nn.functional.dropout1d nn.functional.dropout2d
nn.functional.dropout3d nn.functional.embedding_bag nn.functional.ctc_loss nn.functional.grid_sample nn.functional.affine_grid
nn.functional.pdist nn.functional.linear_cross_entropy nn.functional.gumbel_softmax
"""
MODULES = """
Identity Linear Bilinear Flatten Unflatten Sequential ModuleList ModuleDict ParameterList ParameterDict Conv1d Conv2d ConvTranspose1d
ConvTranspose2d Unfold Fold MaxPool1d MaxPool2d AvgPool1d AvgPool2d AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveMaxPool1d
AdaptiveMaxPool2d ConstantPad1d ConstantPad2d ReflectionPad1d ReflectionPad2d ReplicationPad1d ReplicationPad2d ZeroPad2d CircularPad1d
CircularPad2d Upsample PixelShuffle PixelUnshuffle ChannelShuffle ReLU ReLU6 LeakyReLU PReLU ELU SELU CELU GELU SiLU Mish Softplus
Softsign Softshrink Hardshrink Tanhshrink Threshold LogSigmoid Sigmoid Tanh Hardtanh Hardsigmoid Hardswish GLU Softmin Softmax
LogSoftmax BatchNorm1d BatchNorm2d LayerNorm GroupNorm InstanceNorm1d InstanceNorm2d RMSNorm LocalResponseNorm Dropout Dropout1d
Dropout2d AlphaDropout Embedding EmbeddingBag RNN LSTM GRU RNNCell LSTMCell GRUCell MultiheadAttention Transformer TransformerEncoder
TransformerEncoderLayer TransformerDecoder TransformerDecoderLayer L1Loss MSELoss SmoothL1Loss HuberLoss CrossEntropyLoss NLLLoss
BCELoss BCEWithLogitsLoss KLDivLoss PoissonNLLLoss GaussianNLLLoss MarginRankingLoss HingeEmbeddingLoss CosineEmbeddingLoss
TripletMarginLoss MultiMarginLoss MultiLabelMarginLoss MultiLabelSoftMarginLoss SoftMarginLoss CosineSimilarity PairwiseDistance CTCLoss
"""
OPTIMIZERS = """
SGD Adam AdamW Adamax NAdam RAdam RMSprop Adagrad Adadelta Rprop ASGD LBFGS Adafactor Muon LevenbergMarquardt
"""
SCHEDULERS = """
LambdaLR MultiplicativeLR StepLR MultiStepLR ConstantLR LinearLR ExponentialLR PolynomialLR CosineAnnealingLR
CosineAnnealingWarmRestarts CyclicLR OneCycleLR ReduceLROnPlateau SequentialLR ChainedScheduler
"""

UTILITIES = """
nn.init.calculate_gain nn.init.uniform_ nn.init.normal_ nn.init.trunc_normal_ nn.init.constant_ nn.init.ones_ nn.init.zeros_ nn.init.eye_
nn.init.dirac_ nn.init.xavier_uniform_ nn.init.xavier_normal_ nn.init.kaiming_uniform_ nn.init.kaiming_normal_ nn.init.orthogonal_
nn.init.sparse_ nn.utils.clip_grad_norm_ nn.utils.clip_grad_value_ nn.utils.get_total_norm nn.utils.parameters_to_vector
nn.utils.vector_to_parameters nn.utils.rnn.pad_sequence nn.utils.rnn.pack_padded_sequence nn.utils.rnn.pad_packed_sequence
nn.utils.rnn.pack_sequence nn.utils.parametrizations.weight_norm nn.utils.parametrizations.spectral_norm func.functional_call
optim.swa_utils.AveragedModel optim.swa_utils.SWALR optim.swa_utils.update_bn utils.data.Dataset utils.data.IterableDataset
utils.data.TensorDataset utils.data.ConcatDataset utils.data.ChainDataset utils.data.Subset utils.data.random_split utils.data.DataLoader
utils.data.Sampler utils.data.SequentialSampler utils.data.RandomSampler utils.data.SubsetRandomSampler utils.data.WeightedRandomSampler
utils.data.BatchSampler utils.data.default_collate utils.checkpoint.checkpoint save load device cpu cuda.is_available set_num_threads
get_num_threads
"""


def names() -> list[str]:
    """All names of the scope."""
    return [
        *(OPERATIONS + BESIDES + UTILITIES).split(),
        *[f"nn.{name}" for name in MODULES.split()],
        *[f"optim.{name}" for name in OPTIMIZERS.split()],
        *[f"optim.lr_scheduler.{name}" for name in SCHEDULERS.split()],
    ]


def exists(name: str) -> bool:
    """Whether this is a function of the package or a method of Tensor; for `div.floor_rounding`, whether `div` is."""
    parts = name.split(".")
    return any(_found(tg, parts[:n]) for n in (len(parts), max(len(parts) - 1, 1))) or hasattr(tg.Tensor, parts[0])


def _found(root: Any, parts: list[str]) -> bool:
    try:
        return callable(functools.reduce(getattr, parts, root))
    except AttributeError:
        return False


def missing() -> list[str]:
    """The names that do not exist."""
    return [name for name in names() if not exists(name)]


if __name__ == "__main__":
    print("\n".join(missing()) or f"all {len(names())} names exist")
