"""ComfyUI face of the outputs for the standard graph."""

from ...base.types import FrameSchedule, Story
from ...host import current
from ...person.identity.lora import IdentityLora
from comfy_api.latest import io


class ScheduleToSampler(io.ComfyNode):
    """CLIP + STORY + FRAME_SCHEDULE -> NOISE, CONDITIONING twice, LATENT: a short clip for Sampler Custom Advanced."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ScheduleToSampler",
            display_name="Schedule To Sampler",
            category="songreel/render",
            description="Gives a short stretch of a schedule to the standard graph: noise, prompts and empty latents "
            "with a row for each frame, for Sampler Custom Advanced.",
            inputs=[
                io.Clip.Input("clip", tooltip="The model's text encoder."),
                io.Custom(Story.io_type).Input("story", tooltip="The shots and their prompts."),
                io.Custom(FrameSchedule.io_type).Input("frame_schedule", tooltip="What every frame is made of."),
                io.Int.Input("width", default=512, min=64, max=4096, step=8, tooltip="Width in pixels."),
                io.Int.Input("height", default=512, min=64, max=4096, step=8, tooltip="Height in pixels."),
                io.Int.Input(
                    "seed",
                    default=0,
                    min=0,
                    max=0xFFFFFFFFFFFFFFFF,
                    control_after_generate=True,
                    tooltip="Seed of the noise, as in Render Music Video: shot k has seed + k.",
                ),
                io.Float.Input(
                    "start",
                    default=0.0,
                    min=0.0,
                    max=86400.0,
                    step=0.1,
                    tooltip="Where the stretch begins, in seconds.",
                ),
                io.Int.Input(
                    "frames",
                    default=16,
                    min=1,
                    max=240,
                    tooltip="How many frames. All are sampled in one batch: as many as memory holds.",
                ),
                io.Combo.Input(
                    "noise_mode",
                    options=["per shot", "shared"],
                    default="per shot",
                    optional=True,
                    tooltip="As noise in Render Music Video.",
                ),
                io.Custom(IdentityLora.io_type).Input(
                    "identity_lora", optional=True, tooltip="Whose likeness the model has, as in Render Music Video."
                ),
            ],
            outputs=[
                io.Noise.Output("noise", display_name="noise", tooltip="What each frame starts from."),
                io.Conditioning.Output("positive", display_name="positive", tooltip="Prompts, a row for each frame."),
                io.Conditioning.Output("negative", display_name="negative", tooltip="Negative prompts, the same."),
                io.Latent.Output("latent", display_name="latent", tooltip="Empty latents, one for each frame."),
                io.Int.Output("count", display_name="count", tooltip="How many frames there are."),
                io.String.Output("report", display_name="report", tooltip="What a sampler cannot follow, or empty."),
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, identity_lora=None, **given):
        # Consent may be taken back between two runs.
        return float("nan") if identity_lora is not None else ""

    @classmethod
    def execute(cls, clip, story, frame_schedule, width, height, seed, start, frames, noise_mode="per shot",
                identity_lora=None) -> io.NodeOutput:  # fmt: skip
        from ...person.identity.lora import verified
        from ...story.person import NOBODY
        from ..settings import RenderSettings
        from .batch import sampler_batch

        host = current()
        person = NOBODY if identity_lora is None else verified(host, identity_lora).words
        settings = RenderSettings(width, height, 1, 7.0, "euler", "normal", seed, noise=noise_mode, person=person)
        made = sampler_batch(
            host, clip, Story.of(story), FrameSchedule.of(frame_schedule), settings, start=start, frames=frames
        )
        return io.NodeOutput(
            made.noise,
            [[made.positive, {}]],
            [[made.negative, {}]],
            {"samples": made.latent},
            len(made.frames),
            made.note,
            ui={"text": [made.note]} if made.note else None,
        )
