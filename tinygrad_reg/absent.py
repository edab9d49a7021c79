"""Names that PyTorch has and this package has not: asking for one says why, and what to use instead. docs/scope.md is their list."""

from __future__ import annotations

from typing import Any, NoReturn

from .errors import NotProvidedError


class Absent:
    """Stands in a class for a method that there is not: `hasattr` says no, and the error says what to do."""

    def __init__(self, instead: str) -> None:
        self.instead = instead

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = f"{owner.__name__}.{name}"

    def __get__(self, instance: Any, owner: type) -> NoReturn:
        raise NotProvidedError(f"{self.name} is not provided: {self.instead}")


_LAZY = [f"Lazy{kind}{n}d" for kind in ("Conv", "ConvTranspose", "BatchNorm", "InstanceNorm") for n in (1, 2, 3)]
_WITH_INDICES = [f"{kind}max_pool{n}d_with_indices" for kind in ("", "adaptive_") for n in (1, 2, 3)]
_PIPES = ["IterDataPipe", "MapDataPipe", "DFIterDataPipe", "DataChunk", "functional_datapipe", "argument_validation", "runtime_validation"]
_PIPES += ["runtime_validation_disabled", "guaranteed_datapipes_determinism", "non_deterministic"]
_NO_FREE_MEMORY_FORMAT = "arrays are laid out by NumPy; .contiguous() is the one layout there is"
_OTHER_SPECTRAL = "use nn.utils.parametrizations.{}, which PyTorch recommends in its place"

#: By namespace ("" is the package itself, where these are but the most frequent): names, and what a script that uses them can do.
ABSENT: dict[str, list[tuple[list[str], str]]] = {
    "": [
        (["autocast", "amp", "GradScaler", "bfloat16"], "compute in float32; .half() stores in float16"),
        (["complex64", "complex128", "cfloat", "cdouble"], "there are float16, float32, float64, the integers and bool"),
        (["jit", "export", "fx", "onnx"], "compile makes one C function of a training step; save and load keep parameters"),
        (["vmap"], "operations broadcast over leading dimensions; autograd.grad(is_grads_batched=True) takes several gradients"),
        (["distributions"], "draw by randn, rand, normal, bernoulli, multinomial, exponential_; write the log-density as its formula"),
        (["fft"], "use numpy.fft on x.detach().numpy(): no gradient flows through it"),
        (["sparse", "sparse_coo_tensor", "sparse_csr_tensor"], "tensors are dense"),
        (["distributed", "multiprocessing"], "there is one process; DataLoader(num_workers=...) reads in others"),
        (["profiler"], "use cProfile; compile(...).explain() tells what a compiled step consists of"),
        (["channels_last", "contiguous_format", "preserve_format", "memory_format", "strided"], _NO_FREE_MEMORY_FORMAT),
        (["mps", "xpu", "mtia"], "everything runs on the CPU"),
        (["set_default_tensor_type"], "use set_default_dtype"),
    ],
    "nn": [
        (["LazyLinear", *_LAZY, "UninitializedParameter", "UninitializedBuffer"], "give the sizes; layers have their parameters at once"),
        (["DataParallel", "SyncBatchNorm"], "there is one device and one process"),
        (["AdaptiveLogSoftmaxWithLoss"], "CrossEntropyLoss over all classes is what there is for many of them"),
        (["FractionalMaxPool2d", "FractionalMaxPool3d"], "use AdaptiveMaxPool2d or 3d, whose regions are not random"),
        (["CrossMapLRN2d"], "use LocalResponseNorm, which computes the same"),
        (["NLLLoss2d"], "use NLLLoss, which takes images too"),
        (["RNNBase", "RNNCellBase"], "use RNN, LSTM, GRU and their cells, or write a Module"),
        (["LinearCrossEntropyOptions"], "LinearCrossEntropyLoss computes all logits as a whole, options=None"),
        (["modules"], "all layers are in nn itself; for a family write isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d))"),
        (["parallel"], "there is one device and one process"),
        (["attention"], "functional.scaled_dot_product_attention has one implementation, which needs no choice"),
        (["Container", "factory_kwargs"], "use Module, and the arguments device and dtype"),
    ],
    "nn.functional": [
        (_WITH_INDICES, "write return_indices=True"),
        ([f"fractional_max_pool{n}d{more}" for n in (2, 3) for more in ("", "_with_indices")], "use adaptive_max_pool2d or 3d"),
        (["conv_tbc"], "use conv1d, with the time last"),
        (["native_channel_shuffle"], "use channel_shuffle"),
        (["grouped_mm", "scaled_mm", "scaled_grouped_mm", "ScalingType", "SwizzleType"], "for 8 bits and GPUs; use matmul or bmm"),
    ],
    "nn.utils": [
        (["weight_norm", "remove_weight_norm"], _OTHER_SPECTRAL.format("weight_norm")),
        (["spectral_norm", "remove_spectral_norm"], _OTHER_SPECTRAL.format("spectral_norm")),
        (["clip_grad_norm"], "use clip_grad_norm_"),
        (
            ["fuse_conv_bn_eval", "fuse_conv_bn_weights", "fuse_linear_bn_eval", "fuse_linear_bn_weights"],
            "for speed compile the step: tg.compile; layers are not merged into others",
        ),
        (["convert_conv2d_weight_memory_format", "convert_conv3d_weight_memory_format"], _NO_FREE_MEMORY_FORMAT),
        (["skip_init"], "make the layer, whose parameters load_state_dict then overwrites"),
    ],
    "nn.utils.parametrize": [
        (["transfer_parametrizations_and_params"], "register the parametrizations of the other module anew and load its state_dict"),
    ],
    "nn.utils.parametrizations": [
        (["orthogonal"], "matrix_exp and QR with derivatives are still to come; nn.init.orthogonal_ makes a weight that starts orthogonal"),
    ],
    "func": [
        (["vmap"], "write functions for a batch, whose dimension comes first; tg.stack joins the results of a loop"),
        (["jvp", "linearize"], "there is no forward mode; autograd.functional.jvp gives Jv by two walks back"),
        (["stack_module_state", "rearrange"], "they are for vmap, which there is not"),
        (["functionalize"], "in-place changes are recorded as what they give; nothing is to be taken out"),
        (["replace_all_batch_norm_modules_"], "give each BatchNorm track_running_stats=False"),
        (["debug_unwrap"], "arguments of a transformed function are tensors like others"),
    ],
    "autograd": [
        (["NestedIOFunction"], "use Function, whose forward takes and returns tensors in a row"),
        (["variable"], "use Variable, or a tensor with requires_grad=True"),
        (["set_multithreading_enabled"], "backward runs in the thread that calls it"),
        (["enforce_grad_layout_policy"], "arrays are laid out by NumPy"),
    ],
    "autograd.graph": [
        (
            ["saved_tensors_hooks", "disable_saved_tensors_hooks", "save_on_cpu"],
            "what backward needs is kept as it is; utils.checkpoint computes it again instead of keeping it",
        ),
        (["register_multi_grad_hook"], "register a hook on each tensor; when backward returns, all have run"),
        (["allow_mutation_on_saved_tensors"], "change a .clone() of what backward needs"),
        (["increment_version"], "writes are noticed by themselves, those of NumPy code too"),
        (["GradientEdge", "get_gradient_edge"], "autograd.grad takes the tensors themselves"),
        (
            ["region_activation_memory_budget", "set_warn_on_accumulate_grad_stream_mismatch", "set_override_stale_capture_stream"],
            "they are for PyTorch's compiler and for GPUs",
        ),
    ],
    "optim": [
        (["SparseAdam"], "gradients are dense; use Adam"),
        (["swap_in_optimizer_params_and_state"], "use state_dict and load_state_dict"),
    ],
    "utils.data": [
        (["DistributedSampler"], "there is one process; for a share of the data use Subset(dataset, range(rank, len(dataset), count))"),
        (_PIPES, "use IterableDataset and Dataset; pipes are deprecated in PyTorch"),
    ],
}  # fmt: skip


def refusing(namespace: str) -> Any:
    """The `__getattr__` of a namespace: for a name of PyTorch's that there is not, an error that says what to use."""
    instead = {name: text for names, text in ABSENT[namespace] for name in names}
    module = f"tinygrad_reg.{namespace}".rstrip(".")

    def refuse(name: str) -> NoReturn:
        if name in instead:
            raise NotProvidedError(f"{namespace or module}.{name} is not provided: {instead[name]}")
        raise AttributeError(f"module {module!r} has no attribute {name!r}")

    return refuse
