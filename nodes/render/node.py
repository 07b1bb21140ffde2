"""ComfyUI face of the render stage."""

import json

from ..base.media.codecs import AUTO_DEPTH, BIT_DEPTHS, CODECS, DEFAULT_CODEC, DEFAULT_CRF
from ..base.types import FrameSchedule, Story
from ..host import current
from ..host.port import SAMPLERS, SCHEDULERS
from ..person.identity.lora import IdentityLora
from .motion.warp import BORDERS
from .quality import DEFAULT_QUALITY, FRAMES, QUALITIES
from .size import CHOICES, CUSTOM, size_of
from comfy_api.latest import io


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
                io.Custom(FrameSchedule.io_type).Input(
                    "frame_schedule", tooltip="What every frame is made of, from the scheduler of the same song."
                ),
                io.Audio.Input("audio", tooltip="The song: it gives the sound and decides the length."),
                io.Int.Input("steps", default=20, min=1, max=1000, tooltip="Sampler steps of each picture."),
                io.Float.Input(
                    "cfg",
                    default=7.0,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    tooltip="Classifier-free guidance: how closely pictures follow the prompt. 1 turns it off and "
                    "halves the work.",
                ),
                io.Combo.Input(
                    "sampler_name",
                    options=list(SAMPLERS),
                    default="dpmpp_2m",
                    tooltip="Sampler. Those that add noise on the way make frames flicker and are left out, but lcm "
                    "and tcd, for few-step LoRAs, which get noise that moves with the picture.",
                ),
                io.Combo.Input(
                    "scheduler",
                    options=list(SCHEDULERS),
                    default="karras",
                    tooltip="How noise falls from step to step.",
                ),
                io.Int.Input(
                    "width", default=512, min=64, max=4096, step=8, tooltip="Width in pixels, a multiple of 8."
                ),
                io.Int.Input(
                    "height", default=512, min=64, max=4096, step=8, tooltip="Height in pixels, a multiple of 8."
                ),
                io.Int.Input(
                    "seed",
                    default=0,
                    min=0,
                    max=0xFFFFFFFFFFFFFFFF,
                    control_after_generate=True,
                    tooltip="Seed of the noise: shot k starts from the noise that KSampler draws for seed + k.",
                ),
                io.Combo.Input(
                    "noise",
                    options=["per shot", "shared"],
                    default="per shot",
                    optional=True,
                    tooltip="per shot: noise morphs from shot to shot. shared: one noise for all, so that the "
                    "composition stays and only the prompt changes.",
                ),
                io.Int.Input(
                    "batch_size",
                    default=4,
                    min=1,
                    max=256,
                    optional=True,
                    tooltip="Pictures sampled at once. More is faster while memory lasts; pictures stay the same.",
                ),
                io.Int.Input(
                    "crf",
                    default=DEFAULT_CRF,
                    min=0,
                    max=63,
                    optional=True,
                    tooltip="Quality on the codec's own scale: lower is better and larger. H.264 and HEVC to 51, where "
                    "18 looks like the original; AV1 from 1 to 63. The other codecs have none.",
                ),
                io.Float.Input(
                    "start",
                    default=0.0,
                    min=0.0,
                    max=86400.0,
                    step=0.1,
                    optional=True,
                    tooltip="Start of an excerpt, in seconds. Its frames are those of the whole video.",
                ),
                io.Float.Input(
                    "seconds",
                    default=0.0,
                    min=0.0,
                    max=86400.0,
                    step=0.1,
                    optional=True,
                    tooltip="Length of an excerpt, in seconds; 0 renders to the end of the song.",
                ),
                io.Boolean.Input(
                    "draft",
                    default=False,
                    optional=True,
                    tooltip="A quick look at story and timing: one small picture per shot, faded into the next at the "
                    "schedule's pace.",
                ),
                io.Combo.Input(
                    "quality",
                    options=list(QUALITIES),
                    default=DEFAULT_QUALITY,
                    optional=True,
                    tooltip="How many pictures are sampled. exact: every one. fine, balanced, quick: where the picture "
                    "changes most, with at most 1/2, 1/4, 1/8 of the model calls; the pictures between come from their "
                    "neighbours.",
                ),
                io.Custom(IdentityLora.io_type).Input(
                    "identity_lora",
                    optional=True,
                    tooltip="Whose likeness the model has: the story's main person is named by its token when prompts "
                    "are encoded. Without it the main person is anyone.",
                ),
                io.Combo.Input(
                    "codec",
                    options=list(CODECS),
                    default=DEFAULT_CODEC,
                    optional=True,
                    tooltip="h264 plays everywhere. hevc, av1: smaller files. prores: for editing, in a .mov. "
                    "lossless: for upscaling and single frames. gif: no sound. Save what is no MP4 with Save Music "
                    "Video.",
                ),
                io.Combo.Input(
                    "bit_depth",
                    options=list(BIT_DEPTHS),
                    default=AUTO_DEPTH,
                    optional=True,
                    tooltip="Bits per colour. auto: 10 for ProRes, else 8. 10 makes soft gradients smoother; browsers "
                    "show it for av1 and hevc, not for h264.",
                ),
                io.Combo.Input(
                    "size",
                    options=list(CHOICES),
                    default=CUSTOM,
                    optional=True,
                    tooltip="A picture size that SD1.5 composes well. custom: width and height as given above.",
                ),
                io.Combo.Input(
                    "frames",
                    options=list(FRAMES),
                    default=FRAMES[0],
                    optional=True,
                    tooltip="How frames come about. travel: each by itself, on the way between two shots. feedback: "
                    "each from the one before, moved by the schedule's zoom, angle and pan and painted anew in part.",
                ),
                io.Combo.Input(
                    "border",
                    options=list(BORDERS),
                    default=BORDERS[0],
                    optional=True,
                    tooltip="feedback: what comes in where the picture has moved away. reflect mirrors the picture, "
                    "replicate repeats its edge, wrap continues on the other side.",
                ),
                io.Boolean.Input(
                    "anchor_colours",
                    default=True,
                    optional=True,
                    tooltip="feedback: hold each shot's colours to those of its own picture, on the way to the "
                    "next one's.",
                ),
                io.Boolean.Input(
                    "keep_work",
                    default=True,
                    optional=True,
                    tooltip="Keep the finished parts on disk, so that after a changed shot only the ways to it and "
                    "from it are rendered again. Off: they go when the video is done.",
                ),
                io.Float.Input(
                    "smoothing",
                    default=0.0,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    optional=True,
                    tooltip="travel: mix each frame with the ones before and after it, carried along by optical flow, "
                    "where they are nearly alike. 1 takes out most flicker and some fine detail; 0 is off.",
                ),
                io.Boolean.Input(
                    "even_pace",
                    default=True,
                    optional=True,
                    tooltip="travel: the schedule's pace is that of what is seen, so that pictures change where the "
                    "music hits. Off: it is that of the mix of noise and prompts, which may turn one scene into "
                    "another at once, anywhere.",
                ),
                io.Boolean.Input(
                    "keyframe_attention",
                    default=False,
                    optional=True,
                    tooltip="travel: pictures between two shots look at both shots' own while they are painted (AID), "
                    "so that what these share stays. Two more rows in every batch.",
                ),
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
    def execute(
        cls,
        model,
        clip,
        vae,
        story,
        frame_schedule,
        audio,
        steps,
        cfg,
        sampler_name,
        scheduler,
        width,
        height,
        seed,
        noise="per shot",
        batch_size=4,
        crf=DEFAULT_CRF,
        start=0.0,
        seconds=0.0,
        draft=False,
        quality=DEFAULT_QUALITY,
        identity_lora=None,
        codec=DEFAULT_CODEC,
        bit_depth=AUTO_DEPTH,
        size=CUSTOM,
        frames=FRAMES[0],
        border=BORDERS[0],
        anchor_colours=True,
        keep_work=True,
        smoothing=0.0,
        even_pace=True,
        keyframe_attention=False,
    ) -> io.NodeOutput:
        from ..base.media.audio import samples_of
        from ..person.identity.lora import verified
        from ..story.person import NOBODY
        from .render import render_music_video
        from .settings import RenderSettings

        host = current()
        person = verified(host, identity_lora) if identity_lora is not None else None
        settings = RenderSettings(
            *size_of(size, width, height),
            steps,
            cfg,
            sampler_name,
            scheduler,
            seed,
            batch_size=batch_size,
            noise=noise,
            crf=crf,
            quality=quality,
            person=NOBODY if person is None else person.words,
            codec=codec,
            bit_depth=bit_depth,
            frames=frames,
            border=border,
            anchor_colours=anchor_colours,
            smoothing=smoothing,
            even_pace=even_pace,
            keyframe_attention=keyframe_attention,
        )
        story, schedule = Story.of(story), FrameSchedule.of(frame_schedule)
        waveform, sample_rate = samples_of(audio)
        path, report = render_music_video(
            host,
            model,
            clip,
            vae,
            story,
            schedule,
            waveform,
            sample_rate,
            settings,
            start=start,
            seconds=seconds,
            draft=draft,
            keep_work=keep_work,
            likeness=None if person is None else person.path,
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
                io.Custom(FrameSchedule.io_type).Input(
                    "frame_schedule", tooltip="What every frame is made of, from the scheduler of the same song."
                ),
                io.Audio.Input("audio", tooltip="The song: it gives the sound and decides the length."),
                io.Int.Input(
                    "width", default=640, min=64, max=4096, step=2, optional=True, tooltip="Width in pixels, even."
                ),
                io.Int.Input(
                    "height", default=360, min=64, max=4096, step=2, optional=True, tooltip="Height in pixels, even."
                ),
                io.Float.Input(
                    "start",
                    default=0.0,
                    min=0.0,
                    max=86400.0,
                    step=0.1,
                    optional=True,
                    tooltip="Start of an excerpt, in seconds.",
                ),
                io.Float.Input(
                    "seconds",
                    default=0.0,
                    min=0.0,
                    max=86400.0,
                    step=0.1,
                    optional=True,
                    tooltip="Length of an excerpt, in seconds; 0 shows the song to its end.",
                ),
                io.Combo.Input(
                    "codec",
                    options=list(CODECS),
                    default=DEFAULT_CODEC,
                    optional=True,
                    tooltip="How the animatic is encoded, as in Render Music Video.",
                ),
            ],
            outputs=[
                io.Video.Output(
                    "video", display_name="video", tooltip="The animatic with the song, ready for Save Video."
                )
            ],
        )

    @classmethod
    def execute(
        cls, story, frame_schedule, audio, width=640, height=360, start=0.0, seconds=0.0, codec=DEFAULT_CODEC
    ) -> io.NodeOutput:
        from ..base.media.audio import samples_of
        from .animatic import animatic

        host = current()
        path = animatic(
            host.temp_dir(),
            Story.of(story),
            FrameSchedule.of(frame_schedule),
            *samples_of(audio),
            width=width,
            height=height,
            start=start,
            seconds=seconds,
            codec=codec,
        )
        return io.NodeOutput(host.video_from_file(path))
