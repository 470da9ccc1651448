"""The reference answers: logits, losses and every gradient of a checkpoint, computed by `transformers`.

A conformance case is a folder in Hugging Face layout with one file more:

    config.json          as `transformers` reads it
    model.safetensors    the released tensor names
    request.json         {"tokenIds": [[...], ...], "mtpWeight": 0.3, "balanceWeight": 0.001}; the weights are optional

This program reads the three and writes `expected.safetensors` beside them (names and shapes: README.md). The main model
is `DeepseekV3ForCausalLM` or `DeepseekV2ForCausalLM` in float32 with eager attention, unchanged. What `transformers` does
not train with, multi-token prediction and the sequence-wise balance loss, is in `objectives.py`.

    python reference.py FOLDER [FOLDER ...]
"""

import json
import logging
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional
from transformers import AutoConfig, AutoModelForCausalLM

from objectives import MultiTokenPrediction, RouterRecorder, balance_losses

# What the released repositories carry for layer L and `transformers` has no parameter for.
MTP_ONLY = ("embed_tokens", "enorm", "hnorm", "eh_proj", "shared_head")


class RequestError(Exception):
    """A case folder that cannot be answered; the message says what to mend."""


def read_request(folder: Path) -> dict:
    """Token rows and loss weights of a case; rows are one token longer than the model's input."""
    for name in ("config.json", "model.safetensors", "request.json"):
        if not (folder / name).is_file():
            raise RequestError(f"{folder}: expected a file {name}, got none. See scripts/conformance/README.md.")
    request = json.loads((folder / "request.json").read_text())
    rows = request.get("tokenIds")
    if not rows or len({len(row) for row in rows}) != 1 or len(rows[0]) < 2:
        raise RequestError(f"{folder}/request.json: expected tokenIds, rows of one length of at least 2, got {rows!r}.")
    return request


def load(folder: Path) -> tuple[nn.Module, int]:
    """The model with its MTP blocks as further layers, and how many layers are the main model's.

    `transformers` runs `layers[:config.num_hidden_layers]`, so the count is raised while loading, which brings in the
    blocks of the MTP modules, and put back afterwards: the main model's forward pass is its own and untouched.
    """
    config = AutoConfig.from_pretrained(folder)
    layer_count = config.num_hidden_layers
    depth = getattr(config, "num_nextn_predict_layers", 0) or 0
    config.num_hidden_layers = layer_count + depth
    model, info = AutoModelForCausalLM.from_pretrained(
        folder,
        config=config,
        dtype=torch.float32,
        attn_implementation="eager",
        experts_implementation="eager",
        output_loading_info=True,
    )
    model.config.num_hidden_layers = layer_count

    missing = sorted(info["missing_keys"])
    surplus = sorted(
        key
        for key in info["unexpected_keys"]
        if not any(key.startswith(f"model.layers.{layer_count + k}.{part}.") for k in range(depth) for part in MTP_ONLY)
    )
    if missing or surplus or info["mismatched_keys"]:
        mismatched = sorted(str(key) for key in info["mismatched_keys"])
        raise RequestError(f"{folder}/model.safetensors: missing {missing}, unknown {surplus}, of another shape {mismatched}.")
    return model.eval(), layer_count


def checkpoint_names(name: str, tensor: torch.Tensor) -> dict[str, torch.Tensor]:
    """A parameter of `transformers` under its released name; its stacked experts are taken apart again.

    gate_up_proj [E, 2I, D] → gate_proj and up_proj [I, D] of each expert; down_proj [E, D, I] → [D, I] of each expert
    """
    stem, _, last = name.rpartition(".")
    if not stem.endswith(".experts"):
        return {name: tensor}
    named = {}
    for expert, matrix in enumerate(tensor):
        parts = zip(("gate_proj", "up_proj"), matrix.chunk(2)) if last == "gate_up_proj" else [(last, matrix)]
        named |= {f"{stem}.{expert}.{part}.weight": piece for part, piece in parts}
    return named


def answer(folder: Path) -> dict[str, torch.Tensor]:
    """Everything that `expected.safetensors` holds for a case."""
    request = read_request(folder)
    model, layer_count = load(folder)
    token_ids = torch.tensor(request["tokenIds"], dtype=torch.long)
    inputs, targets = token_ids[:, :-1], token_ids[:, 1:]
    mtp_weight = request.get("mtpWeight", 0.0)
    balance_weight = request.get("balanceWeight", 0.0)

    expected = {}
    with RouterRecorder(model, layer_count) as routers:
        output = model.model(input_ids=inputs, use_cache=False)
        logits = model.lm_head(output.last_hidden_state)
    main_loss = functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
    expected["logits"] = logits
    expected["main_loss"] = main_loss.reshape(1)
    for layer, choice in routers.active_experts.items():
        expected[f"active_experts.{layer}"] = choice.sort(dim=-1).values.to(torch.int32)

    total_loss = main_loss
    if mtp_weight:
        mtp = MultiTokenPrediction(model, layer_count, folder / "model.safetensors")
        mtp_losses, mtp_logits = mtp(token_ids, output.last_hidden_state)
        total_loss = total_loss + mtp_weight * mtp_losses.mean()
        expected["mtp_loss"] = mtp_losses
        expected |= {f"mtp_logits.{depth}": part for depth, part in enumerate(mtp_logits, start=1)}
    if balance_weight:
        losses = balance_losses(routers.scores, rows=inputs.shape[0], active=model.config.num_experts_per_tok)
        total_loss = total_loss + balance_weight * losses.sum()
        expected["balance_loss"] = losses
    expected["total_loss"] = total_loss.reshape(1)

    total_loss.backward()
    named = dict(model.named_parameters()) | (mtp.own_parameters() if mtp_weight else {})
    for name, parameter in named.items():
        if parameter.grad is None:
            continue  # the block of an MTP module, when the request does not ask for its loss
        for released, gradient in checkpoint_names(name, parameter.grad).items():
            expected[f"gradient.{released}"] = gradient
    return {name: tensor.detach().contiguous().clone() for name, tensor in expected.items()}


def main(folders: list[str]) -> int:
    if not folders:
        print(__doc__, file=sys.stderr)
        return 2
    torch.manual_seed(0)
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    logging.getLogger("transformers").setLevel(logging.ERROR)
    transformers.utils.logging.disable_progress_bar()
    made_by = {"made_by": f"torch {torch.__version__.split('+')[0]}, transformers {transformers.__version__}, float32, eager"}
    for folder in map(Path, folders):
        try:
            expected = answer(folder)
        except RequestError as problem:
            print(f"reference: {problem}", file=sys.stderr)
            return 2
        save_file(expected, folder / "expected.safetensors", metadata=made_by)
        losses = ", ".join(f"{name} {[round(x, 6) for x in expected[name].tolist()]}" for name in expected if name.endswith("_loss"))
        print(f"{folder.name}: {losses}; {sum(name.startswith('gradient.') for name in expected)} gradients")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
