"""Makes the random tiny checkpoints of `test/golden/conformance` and has `reference.py` answer them.

    .cache/conformance/venv/bin/python scripts/conformance/make_golden.py            every case
    .cache/conformance/venv/bin/python scripts/conformance/make_golden.py v3-mtp     only the named ones

Every case is small (a few thousand parameters) and settles one question; `cases` below says which. A seed is taken only
when no router decision of it is close: the gap between the last score taken and the first one left out is at least
`MARGIN` for experts and for groups, so that another order of additions cannot send a token elsewhere.
"""

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers.modeling_layers import MtpLayer

import reference
from objectives import MultiTokenPrediction

GOLDEN = Path(__file__).resolve().parents[2] / "test" / "golden" / "conformance"
MARGIN = 1e-3


@dataclass(frozen=True)
class Case:
    """One checkpoint, and what is asked of it."""

    settles: str
    config: dict
    bias_range: tuple[float, float] | None = None
    rows: int = 2
    length: int = 12
    request: dict = field(default_factory=dict)
    dtype: torch.dtype = torch.float32


V3 = {
    "architectures": ["DeepseekV3ForCausalLM"],
    "model_type": "deepseek_v3",
    "vocab_size": 32,
    "hidden_size": 16,
    "intermediate_size": 20,
    "moe_intermediate_size": 4,
    "num_hidden_layers": 2,
    "first_k_dense_replace": 1,
    "moe_layer_freq": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "q_lora_rank": 12,
    "kv_lora_rank": 8,
    "qk_nope_head_dim": 6,
    "qk_rope_head_dim": 4,
    "v_head_dim": 8,
    "n_routed_experts": 8,
    "n_shared_experts": 1,
    "num_experts_per_tok": 3,
    "n_group": 4,
    "topk_group": 2,
    "scoring_func": "sigmoid",
    "topk_method": "noaux_tc",
    "norm_topk_prob": True,
    "routed_scaling_factor": 2.5,
    "num_nextn_predict_layers": 0,
    "hidden_act": "silu",
    "rms_norm_eps": 1e-6,
    "rope_theta": 10000.0,
    "rope_scaling": None,
    "max_position_embeddings": 64,
    "initializer_range": 0.006,
    "tie_word_embeddings": False,
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "torch_dtype": "float32",
}
V2 = V3 | {
    "architectures": ["DeepseekV2ForCausalLM"],
    "model_type": "deepseek_v2",
    "scoring_func": "softmax",
    "norm_topk_prob": False,
}


def yarn(mscale: float, mscale_all_dim: float, original: int) -> dict:
    return {
        "type": "yarn",
        "factor": 8.0,
        "beta_fast": 4,
        "beta_slow": 1,
        "mscale": mscale,
        "mscale_all_dim": mscale_all_dim,
        "original_max_position_embeddings": original,
    }


cases = {
    "v3-groups": Case(
        settles="group-limited routing with a positive bias, compressed queries; the one with weights stored as F32, the others are BF16",
        config=V3,
        bias_range=(0.0, 0.3),
    ),
    "v3-negative-bias": Case(
        settles="biased scores below zero: an excluded group must lose to a negative score",
        config=V3 | {"torch_dtype": "bfloat16", "n_shared_experts": 2},
        bias_range=(-1.6, -1.1),
        dtype=torch.bfloat16,
    ),
    "v3-yarn": Case(
        settles="YaRN past the trained length, with mscale unlike mscale_all_dim; one group; two shared experts",
        config=V3
        | {
            "n_routed_experts": 6,
            "n_group": 1,
            "topk_group": 1,
            "n_shared_experts": 2,
            "qk_rope_head_dim": 8,
            "torch_dtype": "bfloat16",
            "rope_scaling": yarn(1.0, 0.8, 16),
            "max_position_embeddings": 128,
        },
        bias_range=(-0.2, 0.2),
        length=40,
        rows=1,
        dtype=torch.bfloat16,
    ),
    "v3-plain-queries": Case(
        settles="queries without compression, two dense layers, gates not divided by their sum",
        config=V3
        | {"num_hidden_layers": 3, "first_k_dense_replace": 2, "q_lora_rank": None, "norm_topk_prob": False}
        | {"n_routed_experts": 6, "n_group": 1, "topk_group": 1, "torch_dtype": "bfloat16"},
        bias_range=(-0.2, 0.2),
        dtype=torch.bfloat16,
    ),
    "v3-mtp": Case(
        settles="one MTP module: its logits, its loss and the gradients of main + 0.3 * MTP",
        config=V3 | {"num_nextn_predict_layers": 1, "n_routed_experts": 6, "n_group": 3, "torch_dtype": "bfloat16"},
        bias_range=(-0.2, 0.2),
        request={"mtpWeight": 0.3},
        dtype=torch.bfloat16,
    ),
    "v3-mtp-chain": Case(
        settles="two MTP modules, the second fed by the first; no dense layer",
        config=V3
        | {"num_hidden_layers": 1, "first_k_dense_replace": 0, "num_nextn_predict_layers": 2, "torch_dtype": "bfloat16"}
        | {"n_routed_experts": 4, "num_experts_per_tok": 2, "n_group": 1, "topk_group": 1},
        bias_range=(-0.2, 0.2),
        request={"mtpWeight": 0.5},
        dtype=torch.bfloat16,
    ),
    "v3-balance": Case(
        settles="the sequence-wise balance loss and its gradient through the router",
        config=V3 | {"num_hidden_layers": 3, "torch_dtype": "bfloat16"},
        bias_range=(-0.4, 0.4),
        rows=3,
        request={"balanceWeight": 0.1},
        dtype=torch.bfloat16,
    ),
    "v2-groups": Case(
        settles="V2's softmax gate, a group scored by its best expert, YaRN with equal mscales, no bias",
        config=V2
        | {
            "torch_dtype": "bfloat16",
            "topk_method": "group_limited_greedy",
            "routed_scaling_factor": 4.0,
            "n_shared_experts": 2,
            "qk_rope_head_dim": 8,
            "rope_scaling": yarn(0.707, 0.707, 16),
            "max_position_embeddings": 128,
        },
        length=24,
        rows=1,
        dtype=torch.bfloat16,
    ),
    "v2-lite": Case(
        settles="V2-Lite's plain top-k of a softmax, queries without compression",
        config=V2
        | {"topk_method": "greedy", "routed_scaling_factor": 1.0, "q_lora_rank": None, "n_group": 1, "topk_group": 1}
        | {"n_routed_experts": 6, "torch_dtype": "bfloat16"},
        dtype=torch.bfloat16,
    ),
}


def block_shapes(c: dict, layer: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes [out, in] of one layer, without the prefix."""
    d, heads = c["hidden_size"], c["num_attention_heads"]
    query_width = heads * (c["qk_nope_head_dim"] + c["qk_rope_head_dim"])
    shapes = {"input_layernorm.weight": (d,), "post_attention_layernorm.weight": (d,)}
    if c["q_lora_rank"] is None:
        shapes["self_attn.q_proj.weight"] = (query_width, d)
    else:
        shapes["self_attn.q_a_proj.weight"] = (c["q_lora_rank"], d)
        shapes["self_attn.q_a_layernorm.weight"] = (c["q_lora_rank"],)
        shapes["self_attn.q_b_proj.weight"] = (query_width, c["q_lora_rank"])
    shapes["self_attn.kv_a_proj_with_mqa.weight"] = (c["kv_lora_rank"] + c["qk_rope_head_dim"], d)
    shapes["self_attn.kv_a_layernorm.weight"] = (c["kv_lora_rank"],)
    shapes["self_attn.kv_b_proj.weight"] = (heads * (c["qk_nope_head_dim"] + c["v_head_dim"]), c["kv_lora_rank"])
    shapes["self_attn.o_proj.weight"] = (d, heads * c["v_head_dim"])

    def ffn(prefix: str, width: int):
        shapes[f"{prefix}.gate_proj.weight"] = (width, d)
        shapes[f"{prefix}.up_proj.weight"] = (width, d)
        shapes[f"{prefix}.down_proj.weight"] = (d, width)

    if layer < c["first_k_dense_replace"]:
        ffn("mlp", c["intermediate_size"])
        return shapes
    shapes["mlp.gate.weight"] = (c["n_routed_experts"], d)
    if c["scoring_func"] == "sigmoid":
        shapes["mlp.gate.e_score_correction_bias"] = (c["n_routed_experts"],)
    for expert in range(c["n_routed_experts"]):
        ffn(f"mlp.experts.{expert}", c["moe_intermediate_size"])
    ffn("mlp.shared_experts", c["moe_intermediate_size"] * c["n_shared_experts"])
    return shapes


def checkpoint_shapes(c: dict) -> dict[str, tuple[int, ...]]:
    """Every tensor of the checkpoint, MTP modules as layers L, L + 1, … with their copies of embedding and head."""
    d, vocab, layers = c["hidden_size"], c["vocab_size"], c["num_hidden_layers"]
    shapes = {"model.embed_tokens.weight": (vocab, d)}
    for layer in range(layers + c["num_nextn_predict_layers"]):
        prefix = f"model.layers.{layer}."
        if layer >= layers:
            shapes |= {prefix + "embed_tokens.weight": (vocab, d), prefix + "shared_head.head.weight": (vocab, d)}
            shapes |= {prefix + f"{norm}.weight": (d,) for norm in ("enorm", "hnorm", "shared_head.norm")}
            shapes[prefix + "eh_proj.weight"] = (d, 2 * d)
        shapes |= {prefix + name: shape for name, shape in block_shapes(c, layer).items()}
    return shapes | {"model.norm.weight": (d,), "lm_head.weight": (vocab, d)}


def random_weights(case: Case, generator: torch.Generator) -> dict[str, torch.Tensor]:
    """Matrices with unit gain, wide enough scores that experts are chosen for a reason, gains around 1."""
    weights = {}
    for name, shape in checkpoint_shapes(case.config).items():
        draw = torch.randn(shape, generator=generator)
        if name.endswith("e_score_correction_bias"):
            low, high = case.bias_range
            weights[name] = low + (high - low) * torch.rand(shape, generator=generator)
            continue  # stays F32, whatever the rest is
        elif len(shape) == 1:
            draw = 1 + 0.2 * draw
        elif not name.endswith("embed_tokens.weight"):
            draw = draw * (1.5 / shape[1] ** 0.5)
        weights[name] = draw.to(case.dtype)
    for name in weights:
        if ".shared_head.head." in name:
            weights[name] = weights["lm_head.weight"].clone()
        elif ".layers." in name and ".embed_tokens." in name:
            weights[name] = weights["model.embed_tokens.weight"].clone()
    return weights


def smallest_margin(folder: Path, request: dict) -> float:
    """The closest router decision of the whole model, MTP blocks included: last taken minus first left out."""
    model, layer_count = reference.load(folder)
    config = model.config
    margins = []

    def gap(values: torch.Tensor, count: int):
        if count < values.shape[-1]:
            best = values.topk(count + 1, dim=-1).values
            margins.append((best[..., count - 1] - best[..., count]).min().item())

    def hook(gate, _inputs, outputs):
        logits = outputs[0]
        is_v3 = config.model_type == "deepseek_v3"
        unbiased = logits.sigmoid() if is_v3 else logits.softmax(dim=-1)
        choice = unbiased + gate.e_score_correction_bias if is_v3 else unbiased
        has_groups = is_v3 or config.topk_method == "group_limited_greedy"
        if has_groups and config.n_group > 1:
            grouped = choice.unflatten(-1, (config.n_group, -1))
            group_scores = grouped.topk(2, dim=-1).values.sum(-1) if is_v3 else grouped.amax(-1)
            gap(group_scores, config.topk_group)
            kept = torch.zeros_like(group_scores).scatter_(-1, group_scores.topk(config.topk_group, dim=-1).indices, 1.0)
            choice = torch.where(kept[..., None].bool(), grouped, float("-inf")).flatten(-2)
        gap(choice, config.num_experts_per_tok)
        if "balanceWeight" in request:
            gap(unbiased, config.num_experts_per_tok)

    for layer in model.model.layers:
        if hasattr(layer.mlp, "gate"):
            layer.mlp.gate.register_forward_hook(hook)
    token_ids = torch.tensor(request["tokenIds"])
    with torch.no_grad():
        hidden = model.model(input_ids=token_ids[:, :-1], use_cache=False).last_hidden_state
        if "mtpWeight" in request:
            MultiTokenPrediction(model, layer_count, folder / "model.safetensors")(token_ids, hidden)
    return min(margins)


def check_mtp_against_transformers(folder: Path) -> None:
    """Our MTP module and the drafting module of `transformers` must give the same logits, from positions shifted by one.

    `transformers` rotates with the positions of the embedded tokens, i + 1, where `objectives.py` uses i: attention sees
    only differences, so both must agree. Depth 1 only, where all implementations feed the post-norm hidden state.
    """
    model, layer_count = reference.load(folder)
    token_ids = torch.tensor(json.loads((folder / "request.json").read_text())["tokenIds"])
    config = model.config.get_mtp_config()
    config._attn_implementation = config._experts_implementation = "eager"
    theirs = MtpLayer(config, type(model.model.layers[0]), type(model.model.norm), 0)
    prefix = f"model.layers.{layer_count}."
    stored = {name[len(prefix) :]: t.float() for name, t in load_file(folder / "model.safetensors").items() if name.startswith(prefix)}
    for name in ("enorm", "hnorm", "eh_proj"):
        getattr(theirs, name).weight.data = stored[f"{name}.weight"]
    theirs.post_norm.weight.data = stored["shared_head.norm.weight"]
    theirs.mtp_block.load_state_dict(model.model.layers[layer_count].state_dict())
    inputs = token_ids[:, :-1]
    with torch.no_grad():
        hidden = model.model(input_ids=inputs, use_cache=False).last_hidden_state
        count = inputs.shape[1] - 1
        embedded = model.model.embed_tokens(inputs[:, 1:])
        positions = torch.arange(1, count + 1)[None]
        mask = torch.full((count, count), float("-inf")).triu(1)[None, None]
        rotary = model.model.rotary_emb(embedded, positions)
        logits = model.lm_head(theirs(embedded, hidden[:, :count], rotary, mask, positions, None))
        ours = MultiTokenPrediction(model, layer_count, folder / "model.safetensors")(token_ids, hidden)[1][0]
    difference = ((logits - ours).abs().max() / logits.abs().max()).item()
    if difference > 1e-5:
        raise SystemExit(f"{folder.name}: the two MTP modules differ by {difference:.1e} of the largest logit; expected at most 1e-5.")
    print(f"{folder.name}: MTP logits agree with the module of transformers to {difference:.1e} of the largest one")


def make(name: str, case: Case) -> None:
    """Writes the folder of one case, with the first seed that keeps its margins."""
    folder = GOLDEN / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(case.config, indent=2) + "\n")
    for seed in range(100_000):
        generator = torch.Generator().manual_seed(seed)
        save_file(random_weights(case, generator), folder / "model.safetensors", metadata={"format": "pt"})
        rows = torch.randint(0, case.config["vocab_size"], (case.rows, case.length + 1), generator=generator).tolist()
        request = {"tokenIds": rows} | case.request
        margin = smallest_margin(folder, request)
        if margin >= MARGIN:
            break
    note = {"settles": case.settles, "seed": seed, "smallestRouterMargin": round(margin, 6)}
    (folder / "request.json").write_text(json.dumps(note | request) + "\n")


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in cases]
    if unknown:
        print(f"make_golden: expected names among {', '.join(cases)}, got {', '.join(unknown)}.", file=sys.stderr)
        return 2
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    chosen = names or list(cases)
    for name in chosen:
        make(name, cases[name])
    status = reference.main([str(GOLDEN / name) for name in chosen])
    for name in chosen:
        if cases[name].config["num_nextn_predict_layers"] > 0:
            check_mtp_against_transformers(GOLDEN / name)
    files = [file for name in chosen for file in (GOLDEN / name).iterdir()]
    print(f"{len(chosen)} cases, {sum(file.stat().st_size for file in files):,} bytes")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
