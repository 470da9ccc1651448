"""One training step of Strata's `bench` model in eager PyTorch: what a good engineer would write, without `transformers`.

The same sizes, batch and arithmetic (float32): latent attention through `scaled_dot_product_attention`, routed experts as one
matmul each over rows sorted by expert, fused AdamW, clipping by global norm, the router's bias moved by the sign of the load.
Attention's values are padded to the width of the keys where that lets PyTorch take its tiled kernel, which needs equal
widths; the fallback builds the whole matrix of scores. The loss is PyTorch's own fusion of head and cross-entropy.

    python torch_step.py --threads 2 --steps 10

Prints one JSON document: tokensPerSecond (from the median step), secondsPerStep, loss, parameters, torchVersion, threads.
"""

import argparse
import json
import statistics
import sys
import time
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class Config:
    """The `bench` config. Letters are those of Strata's dimension key."""

    vocab: int = 8192  # V
    width: int = 256  # D
    layers: int = 8  # L
    dense_layers: int = 1
    heads: int = 4  # H
    query_rank: int = 96  # Q
    key_value_rank: int = 64  # C
    nope: int = 32  # N
    rope: int = 16  # R
    value: int = 32  # W
    dense_ffn: int = 704  # F
    expert_ffn: int = 128  # I
    experts: int = 16  # E
    shared_experts: int = 1
    active: int = 4  # A
    groups: int = 4  # G
    active_groups: int = 2
    routed_scale: float = 2.5
    theta: float = 10_000.0
    epsilon: float = 1e-6
    init_std: float = 0.006
    bias_speed: float = 0.001
    rows: int = 8
    length: int = 512


EXPECTED_PARAMETERS = 17_368_688  # counted with the seven router biases


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotates adjacent pairs; x [..., T, R], cos and sin [T, R / 2]."""
    even, odd = x.unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), dim=-1).flatten(-2)


class LatentAttention(nn.Module):
    def __init__(self, c: Config):
        super().__init__()
        self.c = c
        self.query_down = nn.Linear(c.width, c.query_rank, bias=False)
        self.query_norm = nn.RMSNorm(c.query_rank, eps=c.epsilon)
        self.query_up = nn.Linear(c.query_rank, c.heads * (c.nope + c.rope), bias=False)
        self.key_value_down = nn.Linear(c.width, c.key_value_rank + c.rope, bias=False)
        self.key_value_norm = nn.RMSNorm(c.key_value_rank, eps=c.epsilon)
        self.key_value_up = nn.Linear(c.key_value_rank, c.heads * (c.nope + c.value), bias=False)
        self.out = nn.Linear(c.heads * c.value, c.width, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        c = self.c
        q = self.query_up(self.query_norm(self.query_down(x))).unflatten(-1, (c.heads, -1)).transpose(1, 2)
        q_nope, q_rope = q.split((c.nope, c.rope), dim=-1)
        latent, k_rope = self.key_value_down(x).split((c.key_value_rank, c.rope), dim=-1)
        key_value = self.key_value_up(self.key_value_norm(latent)).unflatten(-1, (c.heads, -1)).transpose(1, 2)
        k_nope, v = key_value.split((c.nope, c.value), dim=-1)
        k_rope = rotate(k_rope, cos, sin)[:, None].expand(-1, c.heads, -1, -1)
        q = torch.cat((q_nope, rotate(q_rope, cos, sin)), dim=-1)
        k = torch.cat((k_nope, k_rope), dim=-1)
        v = F.pad(v, (0, q.shape[-1] - c.value))
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)[..., : c.value]
        return self.out(mixed.transpose(1, 2).flatten(-2))


class SwiGlu(nn.Module):
    def __init__(self, width: int, hidden: int):
        super().__init__()
        self.gate_up = nn.Linear(width, 2 * hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate, up = self.gate_up(x).chunk(2, dim=-1)
        return self.down(F.silu(gate) * up)


class Experts(nn.Module):
    """Routed and shared experts with a sigmoid gate; no token is dropped."""

    def __init__(self, c: Config):
        super().__init__()
        self.c = c
        self.router = nn.Linear(c.width, c.experts, bias=False)
        self.register_buffer("bias", torch.zeros(c.experts))
        self.register_buffer("load", torch.zeros(c.experts), persistent=False)
        self.routed = nn.ModuleList(SwiGlu(c.width, c.expert_ffn) for _ in range(c.experts))
        self.shared = SwiGlu(c.width, c.expert_ffn * c.shared_experts)

    def choose(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x [M, D] → gates [M, A], experts [M, A]"""
        c = self.c
        scores = self.router(x).sigmoid()
        with torch.no_grad():
            biased = (scores + self.bias).unflatten(-1, (c.groups, -1))
            group_scores = biased.topk(2, dim=-1).values.sum(-1)
            kept = group_scores.topk(c.active_groups, dim=-1, sorted=False).indices
            excluded = torch.ones_like(group_scores, dtype=torch.bool).scatter_(-1, kept, False)
            biased = biased.masked_fill(excluded[..., None], float("-inf")).flatten(-2)
            experts = biased.topk(c.active, dim=-1, sorted=False).indices
        gates = scores.gather(-1, experts)
        return gates / gates.sum(-1, keepdim=True) * c.routed_scale, experts

    def forward(self, x: Tensor) -> Tensor:
        shape, x = x.shape, x.flatten(0, -2)
        gates, experts = self.choose(x)
        order = experts.flatten().argsort(stable=True)
        token_of_row = order // self.c.active
        counts = experts.flatten().bincount(minlength=self.c.experts)
        self.load.copy_(counts)
        chunks = x.index_select(0, token_of_row).split(counts.tolist())
        outputs = torch.cat([expert(chunk) for expert, chunk in zip(self.routed, chunks)])
        outputs = outputs * gates.flatten()[order, None]
        return (self.shared(x).index_add(0, token_of_row, outputs)).view(shape)

    @torch.no_grad()
    def move_bias(self) -> None:
        self.bias += self.c.bias_speed * (self.load.mean() - self.load).sign()


class Block(nn.Module):
    def __init__(self, c: Config, layer: int):
        super().__init__()
        self.attention_norm = nn.RMSNorm(c.width, eps=c.epsilon)
        self.attention = LatentAttention(c)
        self.ffn_norm = nn.RMSNorm(c.width, eps=c.epsilon)
        self.ffn = SwiGlu(c.width, c.dense_ffn) if layer < c.dense_layers else Experts(c)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        x = x + self.attention(self.attention_norm(x), cos, sin)
        return x + self.ffn(self.ffn_norm(x))


class Model(nn.Module):
    def __init__(self, c: Config):
        super().__init__()
        self.embedding = nn.Embedding(c.vocab, c.width)
        self.blocks = nn.ModuleList(Block(c, layer) for layer in range(c.layers))
        self.norm = nn.RMSNorm(c.width, eps=c.epsilon)
        self.head = nn.Linear(c.width, c.vocab, bias=False)
        angles = torch.arange(c.length)[:, None] * c.theta ** (-torch.arange(0, c.rope, 2) / c.rope)
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=c.init_std)

    def forward(self, token_ids: Tensor, targets: Tensor) -> Tensor:
        """token_ids and targets [rows, T] → mean cross-entropy in nats"""
        x = self.embedding(token_ids)
        for block in self.blocks:
            x = block(x, self.cos, self.sin)
        return F.linear_cross_entropy(self.norm(x).flatten(0, 1), self.head.weight, targets.flatten())


def count_parameters(model: Model) -> int:
    """As Strata counts: weights and router biases."""
    biases = sum(module.bias.numel() for module in model.modules() if isinstance(module, Experts))
    return sum(parameter.numel() for parameter in model.parameters()) + biases


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--steps", type=int, default=10, help="timed steps")
    options.add_argument("--warmup", type=int, default=2, help="steps before them")
    given = options.parse_args()
    if given.threads < 1 or given.steps < 1 or given.warmup < 0:
        options.error("expected --threads and --steps of at least 1 and --warmup of at least 0")

    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    c = Config()
    model = Model(c)
    parameters = count_parameters(model)
    if parameters != EXPECTED_PARAMETERS:
        print(f"torch_step: expected {EXPECTED_PARAMETERS} parameters, got {parameters}.", file=sys.stderr)
        return 1
    decayed = [p for p in model.parameters() if p.dim() > 1]
    gains = [p for p in model.parameters() if p.dim() == 1]
    groups = [{"params": decayed, "weight_decay": 0.1}, {"params": gains, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=2.2e-4, betas=(0.9, 0.95), eps=1e-8, fused=True)

    seconds = []
    for step in range(given.warmup + given.steps):
        token_ids = torch.randint(0, c.vocab, (c.rows, c.length + 1))
        started = time.perf_counter()
        loss = model(token_ids[:, :-1], token_ids[:, 1:])
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0, foreach=True)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        for block in model.blocks[c.dense_layers :]:
            block.ffn.move_bias()
        last_loss = loss.item()
        if step >= given.warmup:
            seconds.append(time.perf_counter() - started)

    document = {
        "tokensPerSecond": c.rows * c.length / statistics.median(seconds),
        "secondsPerStep": seconds,
        "loss": last_loss,
        "parameters": parameters,
        "torchVersion": torch.__version__,
        "threads": given.threads,
    }
    print(json.dumps(document))
    return 0


if __name__ == "__main__":
    sys.exit(main())
