"""The two training losses of DeepSeek-V3 that `transformers` leaves out: multi-token prediction and sequence-wise balance.

Written from the report's equations (sections 2.2 and 2.1.2), independently of Strata's own code, on top of the modules
that `transformers` has: the MTP block is its decoder layer.
"""

from pathlib import Path

import torch
from safetensors import safe_open
from torch import nn
from torch.nn import functional


class RouterRecorder:
    """While it is open: the router scores and choices of each MoE layer of the main model, gradients attached.

    scores[layer]          [rows * T, E]  before any bias; sigmoid for V3, softmax for V2
    active_experts[layer]  [rows * T, A]
    """

    def __init__(self, model: nn.Module, layer_count: int):
        self.scores: dict[int, torch.Tensor] = {}
        self.active_experts: dict[int, torch.Tensor] = {}
        self.is_sigmoid = model.config.model_type == "deepseek_v3"
        self.gates = {i: layer.mlp.gate for i, layer in enumerate(model.model.layers[:layer_count]) if hasattr(layer.mlp, "gate")}

    def __enter__(self):
        self.handles = [gate.register_forward_hook(self.record(layer)) for layer, gate in self.gates.items()]
        return self

    def __exit__(self, *_):
        for handle in self.handles:
            handle.remove()

    def record(self, layer: int):
        def hook(_gate, _inputs, outputs):
            logits, _, choice = outputs
            self.scores[layer] = logits.sigmoid() if self.is_sigmoid else logits.softmax(dim=-1)
            self.active_experts[layer] = choice

        return hook


def balance_losses(scores_by_layer: dict[int, torch.Tensor], rows: int, active: int) -> torch.Tensor:
    """sum over e of f_e P_e for each MoE layer, averaged over the sequences; the weight alpha is the caller's.

    f_e = E / (A T) * count of t with s_et among the A largest of the unbiased s_t (no groups); a constant for the gradient
    P_e = 1/T * sum over t of s_et / sum over j of s_jt

    → [MoE layers], 1 at perfect balance. Report, equations 17 to 20.
    """
    losses = []
    for scores in scores_by_layer.values():
        s = scores.unflatten(0, (rows, -1))  # [rows, T, E]
        _, length, experts = s.shape
        chosen = torch.zeros_like(s).scatter_(-1, s.detach().topk(active, dim=-1).indices, 1.0)
        f = chosen.sum(dim=1) * (experts / (active * length))
        p = (s / s.sum(dim=-1, keepdim=True)).mean(dim=1)
        losses.append((f * p).sum(dim=-1).mean())
    return torch.stack(losses)


class MultiTokenPrediction(nn.Module):
    """The MTP modules of a checkpoint, sharing embedding and head with the main model.

    Depth k at position i (counted from 1) sees the token i + k and predicts the token i + k + 1:

        h'_i = eh_proj([enorm(Emb(t_{i+k})) ; hnorm(h_i)])     embedding first, as in the released weights
        h_i  ← shared_head.norm(Block(h'_i))                   causal over 1 … T - k, rotary positions i, not i + k
        loss = -1/T * sum over i of log P(t_{i+k+1})           divided by T although there are T - k terms

    h_i of depth 1 is the main model's output after its final norm; a deeper one gets the normed output of the one before.
    """

    def __init__(self, model: nn.Module, layer_count: int, weights: Path):
        super().__init__()
        # A plain list, so that the main model's parameters are not registered a second time.
        self.shared = [model.model.embed_tokens, model.lm_head, model.model.rotary_emb]
        self.depth = model.config.num_nextn_predict_layers
        self.first_layer = layer_count
        self.blocks = list(model.model.layers[layer_count : layer_count + self.depth])
        width, epsilon = model.config.hidden_size, model.config.rms_norm_eps
        self.extras = nn.ModuleList()
        with safe_open(weights, framework="pt") as file:
            for k in range(self.depth):
                extra = nn.ModuleDict({
                    "enorm": nn.RMSNorm(width, eps=epsilon),
                    "hnorm": nn.RMSNorm(width, eps=epsilon),
                    "eh_proj": nn.Linear(2 * width, width, bias=False),
                    "shared_head_norm": nn.RMSNorm(width, eps=epsilon),
                })
                for name, module in extra.items():
                    module.weight.data = file.get_tensor(self.released_name(k, name)).float()
                self.extras.append(extra)

    def released_name(self, k: int, name: str) -> str:
        return f"model.layers.{self.first_layer + k}.{name.replace('head_norm', 'head.norm')}.weight"

    def own_parameters(self) -> dict[str, nn.Parameter]:
        """What the main model has no parameter for, by released name."""
        return {self.released_name(k, name): module.weight for k, extra in enumerate(self.extras) for name, module in extra.items()}

    def forward(self, token_ids: torch.Tensor, hidden: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """token_ids [rows, T + 1], hidden [rows, T, D] → losses [depth], logits of each depth [rows, T - k, V]"""
        embed, head, rotary = self.shared
        length = hidden.shape[1]
        losses, logits_by_depth = [], []
        for k, (block, extra) in enumerate(zip(self.blocks, self.extras), start=1):
            count = length - k
            embedded = embed(token_ids[:, k : k + count])
            joined = torch.cat([extra["enorm"](embedded), extra["hnorm"](hidden[:, :count])], dim=-1)
            positions = torch.arange(count)[None]
            mask = torch.full((count, count), float("-inf")).triu(1)[None, None]
            hidden = block(
                extra["eh_proj"](joined),
                attention_mask=mask,
                position_ids=positions,
                position_embeddings=rotary(joined, positions),
            )
            hidden = extra["shared_head_norm"](hidden)
            logits = head(hidden)
            summed = functional.cross_entropy(logits.flatten(0, 1), token_ids[:, k + 1 : k + 1 + count].flatten(), reduction="sum")
            losses.append(summed / (token_ids.shape[0] * length))
            logits_by_depth.append(logits)
        return torch.stack(losses), logits_by_depth
