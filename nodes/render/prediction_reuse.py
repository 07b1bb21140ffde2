"""Reuse of predictions: a picture between two sampled ones takes part of its predictions from these neighbours.

How much the model's predictions differ between neighbouring pictures depends on the noise level. At the highest levels
they are nearly the same. At the lowest the model only removes a rest of noise. Below a noise level of about 1 the
difference that guidance makes is nearly the same. There both neighbours' predictions are interpolated; at the levels
between the model is called, since these decide the picture. Between neighbours that differ much, only the predictions
at the lowest levels are reused. (Castillo et al. 2023, "Adaptive Guidance", arXiv 2312.12487, skips guidance where it
changes little. Interpolating it between pictures is this project's.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

# Noise levels of the sampler, in units of the latent's scale inside it: above the first and below the last the model is
# not called; below the middle one it is called for the positive prompt only.
EARLY, GUIDED, LATE = 10.0, 1.0, 0.15

Evaluate = Callable[[bool], tuple]


@dataclass
class PredictionTrace:
    """The model's predictions while a batch was sampled, one row per picture, on the CPU.

    Attributes
    ----------
    early, pull, rest : number of the call -> float32 (B, 4, h, w): the guided estimate; the positive minus the negative
        estimate; the guided estimate minus the input.
    rows : model rows that were computed.
    """

    early: dict[int, torch.Tensor] = field(default_factory=dict)
    pull: dict[int, torch.Tensor] = field(default_factory=dict)
    rest: dict[int, torch.Tensor] = field(default_factory=dict)
    rows: int = 0

    def row(self, index: int) -> PredictionTrace:
        """The trace of one picture of the batch."""
        early, pull, rest = ({call: part[index : index + 1] for call, part in kind.items()} for kind in self.kinds())
        return PredictionTrace(early, pull, rest)

    def after(self, count: int) -> PredictionTrace:
        """The trace of the pictures after the first `count`, with all the rows that were computed."""
        early, pull, rest = ({call: part[count:] for call, part in kind.items()} for kind in self.kinds())
        return PredictionTrace(early, pull, rest, self.rows)

    def kinds(self) -> tuple[dict, dict, dict]:
        """The three records."""
        return self.early, self.pull, self.rest


def mixed(low: list[PredictionTrace], high: list[PredictionTrace], shares: list[float]) -> PredictionTrace:
    """Predictions for pictures at `shares`, 0..1, between their neighbours `low` and `high`, one row each."""
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

    return PredictionTrace(mix(0), mix(1), mix(2))


def stacked(traces: list[PredictionTrace]) -> PredictionTrace:
    """The traces of batches as that of one batch."""
    import torch

    kinds = zip(*(trace.kinds() for trace in traces), strict=True)
    early, pull, rest = ({call: torch.cat([part[call] for part in kind]) for call in kind[0]} for kind in kinds)
    return PredictionTrace(early, pull, rest)


def predictor(
    cfg: float | torch.Tensor,
    record: PredictionTrace,
    between: PredictionTrace | None = None,
    *,
    similar: bool = False,
    guided: bool | None = None,
):
    """A rule for `Host.sample`: call the model and record its prediction, or reuse that of `between`.

    Parameters
    ----------
    cfg : guidance for all pictures, or (B, 1, 1, 1).
    record : filled while the batch is sampled.
    between : predictions interpolated from the neighbours. Without it every call is made, as in plain sampling.
    similar : whether the neighbours are, so that more than the predictions at the lowest levels are reused.
    guided : whether the negative prompt is computed; where None, unless cfg is 1.
    """
    guided = cfg != 1 if guided is None else guided

    def predict(call: int, x, sigma: float, evaluate: Evaluate):
        scale = cfg if isinstance(cfg, (int, float)) else cfg.to(x.device, x.dtype)

        def from_neighbours(part):
            return part.to(x.device, x.dtype)

        if between is not None and similar and sigma > EARLY:
            estimate = from_neighbours(between.early[call])
        elif between is not None and sigma < LATE:
            estimate = x + from_neighbours(between.rest[call])
        elif between is not None and similar and guided and sigma < GUIDED:
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
