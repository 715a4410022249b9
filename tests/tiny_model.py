"""A causal model of a few thousand weights, with the tokenizer of the small one: real, and quick to train."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from memoria.distill import base
from memoria.distill.recipe import Recipe
from memoria.extras import quiet

RECIPE = Recipe(size=3, last=2, skip=0, rank=2, steps=2)
RECIPES = {"lora": RECIPE, "prefix": replace(RECIPE, shard="prefix", target="context", tokens=4)}
"""By the kind of shard, both targets among them."""


def make(folder: Path) -> Path:
    """Writes the model into a folder and returns it."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(base.small())
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=3,
        num_attention_heads=2,
        num_key_value_heads=1,
        eos_token_id=tokenizer.eos_token_id,
    )
    with quiet():
        LlamaForCausalLM(config).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return folder
