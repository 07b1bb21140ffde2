"""ComfyUI face of the outputs for the standard graph."""

from comfy_api.latest import io

from ...base.node_inputs import inputs_of
from ...base.settings import from_inputs
from ...base.types import FrameSchedule, Story
from ...host import current
from ...person.identity.consented import with_consent
from ...person.identity.lora import IdentityLora
from .settings import ClipSettings


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
                *inputs_of(io, ClipSettings),
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
    @with_consent
    def execute(cls, clip, story, frame_schedule, identity_lora=None, **given) -> io.NodeOutput:
        from ...person.identity.lora import verified
        from ...story.person import NOBODY
        from .batch import sampler_batch

        host = current()
        person = NOBODY if identity_lora is None else verified(host, identity_lora).words
        story, schedule = Story.of(story), FrameSchedule.of(frame_schedule)
        made = sampler_batch(host, clip, story, schedule, from_inputs(ClipSettings, given), person)
        return io.NodeOutput(
            made.noise,
            [[made.positive, {}]],
            [[made.negative, {}]],
            {"samples": made.latent},
            len(made.frames),
            made.note,
            ui={"text": [made.note]} if made.note else None,
        )
