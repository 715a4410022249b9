"""Causal models of a few thousand random weights, one of each architecture, with the tokenizer of the small one."""

from __future__ import annotations

import json
from collections.abc import Iterator
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
    "gemma3_text": {**_GATED, "sliding_window": 8, "query_pre_attn_scalar": 8},
    "phi3": {**_GATED, "pad_token_id": 0},
    "olmo2": _GATED,
    "granite": {**_GATED, "logits_scaling": 4.0, "embedding_multiplier": 3.0},
    "cohere": {**_GATED, "logit_scale": 0.25},
    "starcoder2": _GATED,
    "mixtral": {**_GATED, "num_local_experts": 2, "num_experts_per_tok": 1},
    "gpt_neox": {**_SIZES, "intermediate_size": 32, "rotary_pct": 0.5},
    "gpt2": {"n_embd": 16, "n_layer": 3, "n_head": 2, "n_positions": 1024},
    "gptj": {"n_embd": 16, "n_layer": 3, "n_head": 2, "n_positions": 1024, "rotary_dim": 4},
    "opt": {**_SIZES, "ffn_dim": 32, "word_embed_proj_dim": 16, "max_position_embeddings": 1024},
    "bloom": {"hidden_size": 16, "n_layer": 3, "n_head": 2},
    "falcon": {**_SIZES, "alibi": False},
}
"""The configuration of each, by the name of its architecture in transformers."""


def make(folder: Path, form: str, *, chat: str | None = "kept", seed: int = 0, **changed: Any) -> Path:
    """Writes a model of an architecture into a folder, and returns it.

    chat: its template, None for none; "kept" is the small model's. changed: of its configuration.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(base.small())
    if chat != "kept":
        tokenizer.chat_template = chat
    given = {"vocab_size": len(tokenizer), "eos_token_id": tokenizer.eos_token_id, "bos_token_id": 1, **FORMS[form]}
    config = AutoConfig.for_model(form, **{**given, **changed})
    torch.manual_seed(seed)
    with quiet():
        model: Any = AutoModelForCausalLM.from_config(config)  # type: ignore[no-untyped-call]
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return folder


def as_gguf(folder: Path, to: Path) -> Path:
    """The llama in a folder as a GGUF file in float32, with the tokenizer beside it; returns the file."""
    import gguf
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with quiet():
        model: Any = AutoModelForCausalLM.from_pretrained(folder)
        tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    config, writer = model.config, gguf.GGUFWriter(str(to), "llama")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_vocab_size(config.vocab_size)
    backend = json.loads(tokenizer.backend_tokenizer.to_str())
    added = {one["id"] for one in backend["added_tokens"]}
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens := tokenizer.convert_ids_to_tokens(list(range(config.vocab_size))))
    writer.add_token_types([3 if n in added else 1 for n in range(len(tokens))])
    writer.add_token_merges([" ".join(one) for one in backend["model"]["merges"]])
    writer.add_bos_token_id(tokenizer.bos_token_id)
    writer.add_eos_token_id(tokenizer.eos_token_id)
    for name, one in _gguf_tensors(model):
        writer.add_tensor(name, one.detach().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return to


def _gguf_tensors(model: Any) -> Iterator[tuple[str, Any]]:
    """The tensors of a llama by their names in GGUF, which pairs the rotary halves of queries and keys."""
    yield "token_embd.weight", model.model.embed_tokens.weight
    yield "output_norm.weight", model.model.norm.weight
    yield "output.weight", model.lm_head.weight
    for n, layer in enumerate(model.model.layers):
        attention, mlp = layer.self_attn, layer.mlp
        heads = model.config.num_attention_heads, model.config.num_key_value_heads
        for name, linear, count in (("q", attention.q_proj, heads[0]), ("k", attention.k_proj, heads[1])):
            weight = linear.weight
            halves = weight.reshape(count, 2, weight.shape[0] // count // 2, weight.shape[1]).swapaxes(1, 2)
            yield f"blk.{n}.attn_{name}.weight", halves.reshape(weight.shape)
        yield f"blk.{n}.attn_v.weight", attention.v_proj.weight
        yield f"blk.{n}.attn_output.weight", attention.o_proj.weight
        for name, linear in (("gate", mlp.gate_proj), ("up", mlp.up_proj), ("down", mlp.down_proj)):
            yield f"blk.{n}.ffn_{name}.weight", linear.weight
        yield f"blk.{n}.attn_norm.weight", layer.input_layernorm.weight
        yield f"blk.{n}.ffn_norm.weight", layer.post_attention_layernorm.weight
