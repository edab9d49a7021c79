"""Attention by PyTorch's names."""

from ...ops.attention import multi_head_attention_forward as multi_head_attention_forward
from ...ops.attention import scaled_dot_product_attention as scaled_dot_product_attention
