"""Records and differentiates; knows no op, no Tensor method, no layer."""
