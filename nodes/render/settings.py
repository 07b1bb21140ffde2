"""How pictures are sampled and encoded, and what of a song is rendered: every setting of the render nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..base.media.codecs import Encoding
from ..base.settings import Settings, from_inputs, given_values, like, setting
from ..host.port import LATENT_SCALE, SAMPLERS, SCHEDULERS
from ..story.person import NOBODY
from .motion.warp import BORDERS
from .quality import DEFAULT_QUALITY, EXACT, FRAMES, QUALITIES, TRAVEL
from .size import CHOICES, CUSTOM, size_of

NOISE_MODES = ("per shot", "shared")
_SIDE = {"low": 64, "high": 4096, "step": LATENT_SCALE, "multiple": True, "required": True}
_EXCERPT = {"low": 0.0, "high": 86400.0, "step": 0.1}


@dataclass(frozen=True)
class RenderSettings(Settings):
    """How pictures are sampled. The seed of shot k's noise is seed + k.

    person: what prompts say where a story has the main person. frames: `TRAVEL` or `FEEDBACK`; border (one of
    `BORDERS`) and anchor_colours are of the latter, smoothing (0..1, see `motion.smooth`), even_pace (see
    `even_pace`) and keyframe_attention (pictures look at the two shots' own, see `keyframe_attention`) of the former.
    codec, bit_depth, crf: see `media.codecs.Encoding`.
    """

    width: int = setting(512, **_SIDE, tooltip="Width in pixels, a multiple of 8.")
    height: int = setting(512, **_SIDE, tooltip="Height in pixels, a multiple of 8.")
    steps: int = setting(20, low=1, high=1000, required=True, tooltip="Sampler steps of each picture.")
    cfg: float = setting(
        7.0,
        low=0.0,
        high=100.0,
        step=0.1,
        required=True,
        tooltip="Classifier-free guidance: how closely pictures follow the prompt. 1 turns it off and halves the work.",
    )
    sampler: str = setting(
        "dpmpp_2m",
        input="sampler_name",
        choices=SAMPLERS,
        required=True,
        tooltip="Sampler. Those that add noise on the way make frames flicker and are left out, but lcm and tcd, for "
        "few-step LoRAs, which get noise that moves with the picture.",
    )
    scheduler: str = setting("karras", choices=SCHEDULERS, required=True, tooltip="How noise falls from step to step.")
    seed: int = setting(
        0,
        low=0,
        high=0xFFFFFFFFFFFFFFFF,
        control=True,
        required=True,
        tooltip="Seed of the noise: shot k starts from the noise that KSampler draws for seed + k.",
    )
    batch_size: int = setting(
        4,
        low=1,
        high=256,
        advanced=True,
        tooltip="Pictures sampled at once. More is faster while memory lasts; pictures stay the same.",
    )
    noise: str = setting(
        "per shot",
        choices=NOISE_MODES,
        advanced=True,
        tooltip="per shot: noise morphs from shot to shot. shared: one noise for all, so that the composition stays "
        "and only the prompt changes.",
    )
    crf: int = like(
        Encoding,
        "crf",
        tooltip="Quality on the codec's own scale: lower is better and larger. H.264 and HEVC to 51, where 18 looks "
        "like the original; AV1 from 1 to 63. The other codecs have none.",
    )
    quality: str = setting(
        DEFAULT_QUALITY,
        choices=tuple(QUALITIES),
        tooltip="How many pictures are sampled. exact: every one. fine, balanced, quick: where the picture changes "
        "most, with at most 1/2, 1/4, 1/8 of the model calls; the pictures between come from their neighbours.",
    )
    person: str = NOBODY
    frames: str = setting(
        TRAVEL,
        choices=FRAMES,
        tooltip="How frames come about. travel: each by itself, on the way between two shots. feedback: each from the "
        "one before, moved by the schedule's zoom, angle and pan and painted anew in part.",
    )
    border: str = setting(
        BORDERS[0],
        choices=BORDERS,
        advanced=True,
        tooltip="feedback: what comes in where the picture has moved away. reflect mirrors the picture, replicate "
        "repeats its edge, wrap continues on the other side.",
    )
    anchor_colours: bool = setting(
        True,
        advanced=True,
        tooltip="feedback: hold each shot's colours to those of its own picture, on the way to the next one's.",
    )
    codec: str = like(
        Encoding,
        "codec",
        tooltip="h264 plays everywhere. hevc, av1: smaller files. prores: for editing, in a .mov. lossless: for "
        "upscaling and single frames. gif: no sound. Save what is no MP4 with Save Music Video.",
    )
    bit_depth: str = like(
        Encoding,
        "bit_depth",
        tooltip="Bits per colour. auto: 10 for ProRes, else 8. 10 makes soft gradients smoother; browsers show it for "
        "av1 and hevc, not for h264.",
    )
    smoothing: float = setting(
        0.0,
        low=0.0,
        high=1.0,
        step=0.05,
        advanced=True,
        tooltip="travel: mix each frame with the ones before and after it, carried along by optical flow, where they "
        "are nearly alike. 1 takes out most flicker and some fine detail; 0 is off.",
    )
    even_pace: bool = setting(
        True,
        advanced=True,
        tooltip="travel: the schedule's pace is that of what is seen, so that pictures change where the music hits. "
        "Off: it is that of the mix of noise and prompts, which may turn one scene into another at once, anywhere.",
    )
    keyframe_attention: bool = setting(
        False,
        advanced=True,
        tooltip="travel: pictures between two shots look at both shots' own while they are painted (AID), so that what "
        "these share stays. Two more rows in every batch.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.encoding.require_size(self.width, self.height)

    @property
    def encoding(self) -> Encoding:
        """How the video is encoded."""
        return Encoding(self.codec, self.bit_depth, self.crf)

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """(channels, height / 8, width / 8) of one latent."""
        return (4, self.height // LATENT_SCALE, self.width // LATENT_SCALE)

    @property
    def calls_per_picture(self) -> int:
        """Model rows of one picture: sampler steps, twice with guidance."""
        return self.calls_for(self.steps, guided=self.cfg != 1)

    def calls_for(self, steps: int, *, guided: bool) -> int:
        """Model rows of one picture with so many sampler steps."""
        return (2 * steps - 1 if self.sampler == "heun" else steps) * (2 if guided else 1)

    def one_by_one(self) -> RenderSettings:
        """Every frame sampled, after the one before it."""
        return replace(self, quality=EXACT, batch_size=1)

    def together(self) -> RenderSettings:
        """Every frame sampled, with others, where the schedule puts it."""
        return replace(self, quality=EXACT, even_pace=False, keyframe_attention=False)

    def draft(self) -> RenderSettings:
        """Half the size (not under 128 pixels on the short side), at most 6 steps, lighter encoding."""
        scale = max(0.5, min(1.0, 128 / min(self.width, self.height)))
        size = [max(64, round(side * scale / 64) * 64) for side in (self.width, self.height)]
        return replace(self, width=size[0], height=size[1], steps=min(self.steps, 6), crf=self.encoding.draft())


@dataclass(frozen=True)
class RenderRun(Settings):
    """What of a song is rendered, and how the work is kept; no picture depends on it but those of a draft.

    size: a choice of `size.SIZES`, which width and height then follow. start, seconds: an excerpt, in seconds.
    """

    start: float = setting(
        0.0, **_EXCERPT, tooltip="Start of an excerpt, in seconds. Its frames are those of the whole video."
    )
    seconds: float = setting(
        0.0, **_EXCERPT, tooltip="Length of an excerpt, in seconds; 0 renders to the end of the song."
    )
    draft: bool = setting(
        False,
        tooltip="A quick look at story and timing: one small picture per shot, faded into the next at the schedule's "
        "pace.",
    )
    size: str = setting(
        CUSTOM,
        choices=CHOICES,
        tooltip="A picture size that SD1.5 composes well. custom: width and height as given above.",
    )
    keep_work: bool = setting(
        True,
        advanced=True,
        tooltip="Keep the finished parts on disk, so that after a changed shot only the ways to it and from it are "
        "rendered again. Off: they go when the video is done.",
    )


def render_settings(given: Mapping[str, Any], person: str = NOBODY) -> tuple[RenderSettings, RenderRun]:
    """What the inputs of Render Music Video mean. person: how prompts name the main person."""
    run = from_inputs(RenderRun, given)
    values = given_values(RenderSettings, given)
    if run.size != CUSTOM:
        values["width"], values["height"] = size_of(run.size, 0, 0)
    return RenderSettings(**values, person=person), run


@dataclass(frozen=True)
class AnimaticSettings(Settings):
    """How large an animatic is, which excerpt it shows, how it is encoded."""

    width: int = setting(640, low=64, high=4096, step=2, multiple=True, tooltip="Width in pixels, even.")
    height: int = setting(360, low=64, high=4096, step=2, multiple=True, tooltip="Height in pixels, even.")
    start: float = like(RenderRun, "start", tooltip="Start of an excerpt, in seconds.")
    seconds: float = like(
        RenderRun, "seconds", tooltip="Length of an excerpt, in seconds; 0 shows the song to its end."
    )
    codec: str = like(Encoding, "codec", tooltip="How the animatic is encoded, as in Render Music Video.")
