"""What of PyTorch's layers, optimizers and utilities there is not, or is otherwise: `python -m tests.absences` writes docs/scope.md."""

from __future__ import annotations

from pathlib import Path

import tinygrad_reg as tg
from tinygrad_reg.absent import ABSENT, Absent

PATH = Path(__file__).parents[1] / "docs" / "scope.md"

HEAD = """# What is not provided, and what is otherwise

The measure is PyTorch 2.13: `autograd`, `nn`, `nn.functional`, `nn.init`, `nn.utils`, `optim`, `optim.lr_scheduler`,
`optim.swa_utils`, `func`, `utils.data`. Every public name there is either here or in the tables below, which a test compares with
PyTorch's own lists; of the package itself the table holds what scripts use most. Asking for a name of the tables raises
`NotProvidedError`, an AttributeError, with the text of the right column.
(`python -m tests.absences` writes this page.)
"""

#: What is here under the same name and differs, by choice.
OTHERWISE = """
## Otherwise than in PyTorch

| where | what differs |
|---|---|
| dtypes | are NumPy's: `str(tg.float32)` is `float32`, and `x.is_floating_point()` is asked of the tensor, not of its dtype |
| `layout`, `pin_memory`, `memory_format` | are not taken: tensors are dense, and laid out by NumPy |
| what is printed | is PyTorch's, but a shape reads `(2, 3)`, the pair of `max(dim)` `Chosen(...)`, and `grad_fn` names our operation |
| `x.type()` | is `"float32"`, where PyTorch says `"torch.FloatTensor"`; `FloatTensor`, `LongTensor` and the others are there |
| `Module.load_state_dict` | changes nothing if something does not fit, PyTorch then loads the rest; all is read before any is written |
| `_load_from_state_dict`, `_save_to_state_dict` of a `Module` subclass | are not called; register the hooks of the state dict |
| `register_module_forward_hook` and relatives | are not provided; register on each: `for m in net.modules(): ...` |
| `nn.Embedding(sparse=True)` | is refused: gradients are dense. `F.embedding(sparse=True)` gives the dense gradient |
| `F.ctc_loss` | has the gradient of its formula; PyTorch's is that towards the logits, equal behind `log_softmax` |
| `F.grid_sample`, `F.affine_grid` | without `align_corners`, it is False, silently |
| `F.linear_cross_entropy(options=...)` | is refused: the logits are computed as a whole |
| functions of two arguments | take a number for either, as NumPy's do; of numbers alone `add`, `sub`, `mul` and `div` give NumPy's number |
| `addmv`, `addbmm`, `baddbmm` of integers | refuse a fraction as `beta`, which PyTorch cuts off to 0 |
| `addbmm_` | does not change the shape |
| `zero_`, `sin_` and others that end in `_` | are methods; functions of the package are only those of `nn.functional` |
| optimizers, a parameter twice in one group | is refused; PyTorch warns that it will be |
| optimizers, `differentiable=True` | is refused; `foreach`, `fused` and `capturable` are taken and change nothing |
| `optim.Muon` | computes in the parameter's dtype, PyTorch in bfloat16: an update differs by about 1 % |
| `optim.LBFGS` | agrees to 1e-9 over the first iterations; rounding grows along its path, in PyTorch's own as much as between the two |
| schedules, `step(epoch)` | is not deprecated |
| `func.jacfwd`, `func.hessian` | walk back like `jacrev`; there is no forward mode |
| `nn.utils.parametrize.cached` | notices assignments to the tensor |
| `inference_mode` | makes tensors like those of `no_grad`: they may be changed and used in what is recorded later, which PyTorch refuses |
| `utils.checkpoint`, `use_reentrant` | is taken and changes nothing: parameters get gradients though no argument requires one |
| `DataLoader(pin_memory=True)`, `non_blocking` | are taken and change nothing |
"""


def absent_methods(owner: type) -> list[tuple[str, str]]:
    """The names in a class that stand for methods there are not, with what to do."""
    return [(name, value.instead) for base in owner.__mro__ for name, value in vars(base).items() if isinstance(value, Absent)]


def text() -> str:
    """The page."""
    parts = [HEAD]
    tables = {namespace: [(", ".join(f"`{n}`" for n in names), instead) for names, instead in rows] for namespace, rows in ABSENT.items()}
    for title, owner in (
        ("Tensor", tg.Tensor),
        ("autograd.graph.Node", tg.autograd.graph.Node),
        ("nn.Module", tg.nn.Module),
        ("utils.tensorboard.SummaryWriter, utils.JsonLinesWriter", tg.utils.JsonLinesWriter),
    ):
        by_text: dict[str, list[str]] = {}
        for name, instead in absent_methods(owner):
            by_text.setdefault(instead, []).append(f"`{name}`")
        tables[title] = [(", ".join(names), instead) for instead, names in by_text.items()]
    for namespace, rows in tables.items():
        parts += [
            f"\n## {namespace or 'The package itself'}\n\n| not provided | instead |\n|---|---|\n",
            *[f"| {names} | {instead} |\n" for names, instead in rows],
        ]
    return "".join([*parts, OTHERWISE])


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
