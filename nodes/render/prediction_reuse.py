"""Sampling a picture between two that are sampled already, with fewer model calls.

What the model says changes from picture to picture in a different way at each noise level. At the first, highest
levels it says nearly the same about neighbours; at the last, lowest ones it only removes a rest of noise; and below a
noise level of about 1 the pull of guidance is nearly the same for neighbours. There the answers of both neighbours are
interpolated, and the model is asked where the picture is decided. Between neighbours that differ much, only the last
levels are taken from them. (Skipping guidance where it changes little is known from Castillo et al. 2023, "Adaptive
Guidance", arXiv 2312.12487; interpolating it along a way is ours.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

# Noise levels of the sampler, in units of the latent's scale inside it: above the first and below the last nothing is
# asked, below the middle one only the positive prompt.
EARLY, GUIDED, LATE = 10.0, 1.0, 0.15

Evaluate = Callable[[bool], tuple]


@dataclass
class Trace:
    """What the model said in every call while a batch was sampled, one row per picture, on the CPU.

    early: guided estimates; pull: positive minus negative estimate; rest: guided estimate minus the input.
    Each maps the number of a call to float32 (B, 4, h, w). rows: model rows that were computed.
    """

    early: dict[int, torch.Tensor] = field(default_factory=dict)
    pull: dict[int, torch.Tensor] = field(default_factory=dict)
    rest: dict[int, torch.Tensor] = field(default_factory=dict)
    rows: int = 0

    def row(self, index: int) -> Trace:
        """The trace of one picture of the batch."""
        parts = ({call: part[index : index + 1] for call, part in kind.items()} for kind in self.kinds())
        return Trace(*parts)

    def after(self, count: int) -> Trace:
        """The trace of the pictures after the first `count`, with all the rows that were computed."""
        parts = ({call: part[count:] for call, part in kind.items()} for kind in self.kinds())
        return Trace(*parts, self.rows)

    def kinds(self) -> tuple[dict, dict, dict]:
        """The three records."""
        return self.early, self.pull, self.rest


def mixed(low: list[Trace], high: list[Trace], shares: list[float]) -> Trace:
    """The trace of pictures that lie at `shares` between their neighbours, one row each."""
    import torch

    def mix(kind: int) -> dict:
        calls = low[0].kinds()[kind]
        return {
            call: torch.cat(
                [
                    a.kinds()[kind][call] * (1 - share) + b.kinds()[kind][call] * share
                    for a, b, share in zip(low, high, shares, strict=True)
                ]
            )
            for call in calls
        }

    return Trace(mix(0), mix(1), mix(2))


def stacked(traces: list[Trace]) -> Trace:
    """The traces of batches as that of one batch."""
    import torch

    kinds = zip(*(trace.kinds() for trace in traces), strict=True)
    return Trace(*({call: torch.cat([part[call] for part in kind]) for call in kind[0]} for kind in kinds))


def predictor(
    cfg: float | torch.Tensor,
    record: Trace,
    between: Trace | None = None,
    *,
    near: bool = False,
    guided: bool | None = None,
):
    """A rule for `Host.sample`: ask the model and record it, or take from `between` where that is as good.

    Without `between` every call is made, and the result is that of plain sampling. near: the neighbours are alike, so
    that more than the last calls is taken from them. cfg: one for all pictures, or (B, 1, 1, 1). guided: whether the
    negative prompt is asked about; without it, unless cfg is 1.
    """
    guided = cfg != 1 if guided is None else guided
    each = not isinstance(cfg, (int, float))

    def predict(call: int, x, sigma: float, evaluate: Evaluate):
        scale = cfg.to(x.device, x.dtype) if each else cfg

        def from_neighbours(part):
            return part.to(x.device, x.dtype)

        if between is not None and near and sigma > EARLY:
            estimate = from_neighbours(between.early[call])
        elif between is not None and sigma < LATE:
            estimate = x + from_neighbours(between.rest[call])
        elif between is not None and near and guided and sigma < GUIDED:
            wanted, _ = evaluate(False)
            record.rows += len(x)
            pull = from_neighbours(between.pull[call])
            estimate = wanted + (scale - 1) * pull
            record.pull[call] = pull.float().cpu()
        else:
            wanted, unwanted = evaluate(guided)
            record.rows += len(x) * (2 if guided else 1)
            estimate = unwanted + (wanted - unwanted) * scale if guided else wanted
            if guided and LATE <= sigma < GUIDED:
                record.pull[call] = (wanted - unwanted).float().cpu()
        if sigma > EARLY:
            record.early[call] = estimate.float().cpu()
        elif sigma < LATE:
            record.rest[call] = (estimate - x).float().cpu()
        return estimate

    return predict
