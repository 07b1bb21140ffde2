"""ComfyUI faces of the render stage."""

import json

from comfy_api.latest import io

from ..base.node_inputs import inputs_of
from ..base.settings import from_inputs
from ..base.types import FrameSchedule, Story
from ..host import current
from ..person.identity.consented import with_consent
from ..person.identity.lora import IdentityLora
from .settings import AnimaticSettings, RenderRun, RenderSettings, render_settings

_SCHEDULE_TIP = "What every frame is made of, from the scheduler of the same song."
_SONG_TIP = "The song: it gives the sound and decides the length."


class RenderMusicVideo(io.ComfyNode):
    """MODEL, CLIP, VAE, STORY, FRAME_SCHEDULE, AUDIO -> VIDEO."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="RenderMusicVideo",
            display_name="Render Music Video",
            category="songreel/render",
            description="Samples every frame of a music video with a Stable Diffusion 1.5 model, encodes it as it "
            "goes and puts the song beside it. A render that was stopped continues where it was.",
            inputs=[
                io.Model.Input("model", tooltip="An SD1.5 model, with any LoRA already applied."),
                io.Clip.Input("clip", tooltip="The model's text encoder, which reads the prompts."),
                io.Vae.Input("vae", tooltip="Turns latents into pictures."),
                io.Custom(Story.io_type).Input("story", tooltip="The shots and their prompts."),
                io.Custom(FrameSchedule.io_type).Input("frame_schedule", tooltip=_SCHEDULE_TIP),
                io.Audio.Input("audio", tooltip=_SONG_TIP),
                *inputs_of(io, RenderSettings, "steps", "cfg", "sampler", "scheduler", "width", "height", "seed"),
                *inputs_of(io, RenderSettings, "noise", "batch_size", "crf"),
                *inputs_of(io, RenderRun, "start", "seconds", "draft"),
                *inputs_of(io, RenderSettings, "quality"),
                io.Custom(IdentityLora.io_type).Input(
                    "identity_lora",
                    optional=True,
                    tooltip="Whose likeness the model has: the story's main person is named by its token when prompts "
                    "are encoded. Without it the main person is anyone.",
                ),
                *inputs_of(io, RenderSettings, "codec", "bit_depth"),
                *inputs_of(io, RenderRun, "size"),
                *inputs_of(io, RenderSettings, "frames", "border", "anchor_colours"),
                *inputs_of(io, RenderRun, "keep_work"),
                *inputs_of(io, RenderSettings, "smoothing", "even_pace", "keyframe_attention"),
            ],
            outputs=[
                io.Video.Output(
                    "video",
                    display_name="video",
                    tooltip="The video with the song, for Save Video or Save Music Video.",
                ),
                io.String.Output(
                    "report", display_name="report", tooltip="JSON: sizes, counts, estimate and seconds of every stage."
                ),
            ],
        )

    @classmethod
    @with_consent
    def execute(cls, model, clip, vae, story, frame_schedule, audio, identity_lora=None, **given) -> io.NodeOutput:
        from ..base.media.audio import samples_of
        from ..person.identity.lora import verified
        from .render import render_music_video

        host = current()
        person = None if identity_lora is None else verified(host, identity_lora)
        settings, run = render_settings(given) if person is None else render_settings(given, person.words)
        story, schedule = Story.of(story), FrameSchedule.of(frame_schedule)
        likeness = None if person is None else person.path
        path, report = render_music_video(
            host, model, clip, vae, story, schedule, *samples_of(audio), settings, run, likeness=likeness
        )
        text = json.dumps(report, indent=2)
        return io.NodeOutput(host.video_from_file(path), text, ui={"text": [text]})


class StoryAnimatic(io.ComfyNode):
    """STORY, FRAME_SCHEDULE, AUDIO -> VIDEO, without a model."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="StoryAnimatic",
            display_name="Story Animatic",
            category="songreel/render",
            description="Shows story and timing in seconds, without a model: a card for each shot with its prompt, "
            "faded into the next at the schedule's pace, with the song.",
            inputs=[
                io.Custom(Story.io_type).Input("story", tooltip="The shots and their prompts."),
                io.Custom(FrameSchedule.io_type).Input("frame_schedule", tooltip=_SCHEDULE_TIP),
                io.Audio.Input("audio", tooltip=_SONG_TIP),
                *inputs_of(io, AnimaticSettings),
            ],
            outputs=[
                io.Video.Output(
                    "video", display_name="video", tooltip="The animatic with the song, ready for Save Video."
                )
            ],
        )

    @classmethod
    def execute(cls, story, frame_schedule, audio, **given) -> io.NodeOutput:
        from ..base.media.audio import samples_of
        from .animatic import animatic

        host = current()
        settings, schedule = from_inputs(AnimaticSettings, given), FrameSchedule.of(frame_schedule)
        path = animatic(host.temp_dir(), Story.of(story), schedule, *samples_of(audio), settings)
        return io.NodeOutput(host.video_from_file(path))
