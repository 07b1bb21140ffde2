"""ComfyUI faces of the output stage: a video enlarged, saved as it is, or saved frame by frame."""

import json

from ...base.media.codecs import AUTO_DEPTH, BIT_DEPTHS, CODECS, DEFAULT_CODEC, DEFAULT_CRF, Encoding
from ...host import current
from comfy_api.latest import io

_PREFIX_TOOLTIP = "Start of the name; a folder, and %width%, %height%, %year% and so on, may be part of it."


def _metadata(cls) -> dict:
    """The workflow and what came with it, as ComfyUI stores them, unless the user has turned that off."""
    if not current().saves_workflow():
        return {}
    prompt = {} if cls.hidden.prompt is None else {"prompt": cls.hidden.prompt}
    return dict(cls.hidden.extra_pnginfo or {}) | prompt


class UpscaleMusicVideo(io.ComfyNode):
    """VIDEO, UPSCALE_MODEL -> VIDEO."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        side = {"default": 0, "min": 0, "max": 8192, "step": 2, "optional": True}
        return io.Schema(
            node_id="UpscaleMusicVideo",
            display_name="Upscale Music Video",
            category="songreel/output",
            description="Enlarges a video of any length with an upscale model, frame by frame, and keeps its sound. A "
            "run that was stopped continues where it was.",
            inputs=[
                io.Video.Input("video", tooltip="The video; best rendered with the codec lossless."),
                io.UpscaleModel.Input("upscale_model", tooltip="An upscale model, from Load Upscale Model."),
                io.Int.Input("width", **side, tooltip="Width of the result in pixels; 0 follows from the height."),
                io.Int.Input(
                    "height",
                    **side,
                    tooltip="Height of the result in pixels; 0 follows from the width. Both 0: as the model gives it.",
                ),
                io.Int.Input(
                    "tile",
                    default=512,
                    min=128,
                    max=4096,
                    step=64,
                    optional=True,
                    tooltip="Side in pixels of what the model sees at once. Smaller needs less memory; it is halved by "
                    "itself where memory runs out.",
                ),
                io.Combo.Input(
                    "codec",
                    options=list(CODECS),
                    default=DEFAULT_CODEC,
                    optional=True,
                    tooltip="How the result is encoded, as in Render Music Video.",
                ),
                io.Combo.Input(
                    "bit_depth",
                    options=list(BIT_DEPTHS),
                    default=AUTO_DEPTH,
                    optional=True,
                    tooltip="Bits per colour. auto: 10 for ProRes, else 8.",
                ),
                io.Int.Input(
                    "crf",
                    default=DEFAULT_CRF,
                    min=0,
                    max=63,
                    optional=True,
                    tooltip="Quality on the codec's own scale: lower is better and larger.",
                ),
            ],
            outputs=[
                io.Video.Output("enlarged", display_name="enlarged", tooltip="The enlarged video with its sound."),
                io.String.Output("report", display_name="report", tooltip="JSON: sizes and counts."),
            ],
        )

    @classmethod
    def execute(
        cls,
        video,
        upscale_model,
        width=0,
        height=0,
        tile=512,
        codec=DEFAULT_CODEC,
        bit_depth=AUTO_DEPTH,
        crf=DEFAULT_CRF,
    ) -> io.NodeOutput:
        from .source import video_file
        from .upscale import upscale_video

        host = current()
        source = video_file(video, host.temp_dir())
        encoding = Encoding(codec, bit_depth, crf)
        path, report = upscale_video(host, source, upscale_model, encoding, width=width, height=height, tile=tile)
        text = json.dumps(report, indent=2)
        return io.NodeOutput(host.video_from_file(path), text, ui={"text": [text]})


class SaveMusicVideo(io.ComfyNode):
    """Saves a VIDEO's file as it is."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SaveMusicVideo",
            display_name="Save Music Video",
            category="songreel/output",
            description="Saves a video in the output folder without touching picture or sound, with the workflow in "
            "it: MP4, MOV, WebM or GIF, whatever it is. Save Video knows MP4 only.",
            inputs=[
                io.Video.Input("video", tooltip="The video."),
                io.String.Input("filename_prefix", default="video/songreel", tooltip=_PREFIX_TOOLTIP),
            ],
            hidden=[io.Hidden.prompt, io.Hidden.extra_pnginfo],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, video, filename_prefix="video/songreel") -> io.NodeOutput:
        from .save import plays_in_browsers, save_as_it_is, suffix_of, write_preview
        from .source import video_file

        host = current()
        source = video_file(video, host.temp_dir())
        suffix = suffix_of(source)
        folder, name, counter, subfolder = host.save_place(filename_prefix, *video.get_dimensions())
        target = folder / f"{name}_{counter:05}_{suffix}"
        save_as_it_is(source, target, _metadata(cls))
        saved = {"filename": target.name, "subfolder": subfolder, "type": "output"}
        shown = saved
        if not plays_in_browsers(source):
            preview = host.temp_dir() / f"preview_{source.stem}.mp4"
            reference = host.page_reference(preview)
            if reference is not None:
                write_preview(source, preview)
                shown = reference
        # A page shows what is animated as a video, and a GIF is a picture to it.
        moving = {} if suffix == ".gif" else {"animated": (True,)}
        return io.NodeOutput(ui={"images": [shown], "files": [saved]} | moving)


class SaveFrames(io.ComfyNode):
    """Saves a VIDEO as a folder of PNG files."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SaveFrames",
            display_name="Save Frames",
            category="songreel/output",
            description="Saves every frame of a video as a PNG file in a new folder of the output folder, with the "
            "song as FLAC beside them. Streams: a long video needs no more memory than a short one.",
            inputs=[
                io.Video.Input("video", tooltip="The video; render it with the codec lossless for exact pictures."),
                io.String.Input("filename_prefix", default="frames/songreel", tooltip=_PREFIX_TOOLTIP),
            ],
            outputs=[
                io.String.Output("folder", display_name="folder", tooltip="The new folder, inside the output folder."),
                io.Int.Output("count", display_name="count", tooltip="The number of frames."),
            ],
            hidden=[io.Hidden.prompt, io.Hidden.extra_pnginfo],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, video, filename_prefix="frames/songreel") -> io.NodeOutput:
        from .png_frames import frame_name, save_frames
        from .source import opened, video_file

        host = current()
        source = video_file(video, host.temp_dir())
        parent, name, counter, subfolder = host.save_place(filename_prefix, *video.get_dimensions())
        folder = parent / f"{name}_{counter:05}_"
        with opened(source) as container:
            stream = container.streams.video[0]
            total = stream.frames or round(float(container.duration or 0) / 1e6 * stream.average_rate)
        progress = host.progress(max(total, 1))
        count = save_frames(
            source, folder, _metadata(cls), on_frame=lambda done: progress.update(min(done, max(total, 1)))
        )
        inside = f"{subfolder}/{folder.name}".lstrip("/")
        first = {"filename": frame_name(0), "subfolder": inside, "type": "output"}
        text = f"{count} frames in {inside}"
        return io.NodeOutput(inside, count, ui={"images": [first], "files": [first], "text": [text]})
