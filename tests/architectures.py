"""Causal models of a few thousand random weights, one of each architecture, with the tokenizer of the small one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from memoria.distill import base
from memoria.extras import quiet

_SIZES = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2}
_GATED = {**_SIZES, "intermediate_size": 32, "num_key_value_heads": 1, "head_dim": 8}
FORMS: dict[str, dict[str, Any]] = {
    "llama": _GATED,
    "qwen2": _GATED,
    "qwen3": _GATED,
    "mistral": {**_GATED, "sliding_window": 8},
    "gemma": _GATED,
    "gemma2": {**_GATED, "sliding_window": 8, "query_pre_attn_scalar": 8, "final_logit_softcapping": 5.0},
    "gemma3_text": {**_GATED, "sliding_window": 8, "query_pre_attn_scalar": 8, "layer_types": None},
    "phi3": {**_GATED, "pad_token_id": 0},
    "olmo2": _GATED,
    "granite": {**_GATED, "logits_scaling": 4.0, "embedding_multiplier": 3.0},
    "cohere": {**_GATED, "logit_scale": 0.25},
    "starcoder2": _GATED,
    "mixtral": {**_GATED, "num_local_experts": 2, "num_experts_per_tok": 1},
    "gpt_neox": {**_SIZES, "intermediate_size": 32, "rotary_pct": 0.5},
    "gpt2": {"n_embd": 16, "n_layer": 3, "n_head": 2, "n_positions": 128},
    "gptj": {"n_embd": 16, "n_layer": 3, "n_head": 2, "n_positions": 128, "rotary_dim": 4},
    "opt": {**_SIZES, "ffn_dim": 32, "word_embed_proj_dim": 16, "max_position_embeddings": 128},
    "bloom": {"hidden_size": 16, "n_layer": 3, "n_head": 2},
    "falcon": {**_SIZES, "alibi": False},
}
"""The configuration of each, by the name of its architecture in transformers."""
# A layout of layers of which one slides is told by their number.
FORMS["gemma3_text"] = {key: value for key, value in FORMS["gemma3_text"].items() if value is not None}


def make(folder: Path, form: str, *, chat: str | None = "kept", seed: int = 0, **changed: Any) -> Path:
    """Writes a model of an architecture into a folder, and returns it. chat: its template; "kept" is the small one's."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(base.small())
    if chat != "kept":
        tokenizer.chat_template = chat
    given = {"vocab_size": len(tokenizer), "eos_token_id": tokenizer.eos_token_id, "bos_token_id": 1, **FORMS[form]}
    config = AutoConfig.for_model(form, **{**given, **changed})
    torch.manual_seed(seed)
    with quiet():
        model: Any = AutoModelForCausalLM.from_config(config)
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return folder
