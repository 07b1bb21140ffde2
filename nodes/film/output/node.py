"""ComfyUI faces of the output stage: a video enlarged, saved as it is, or saved frame by frame."""

import json

from comfy_api.latest import io

from ...base.media.files import file_digest
from ...base.node_inputs import inputs_of
from ...base.settings import from_inputs
from ...host import current
from ...host.permits import note_made
from ...person.identity.consented import with_consent
from .settings import UpscaleSettings

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
        return io.Schema(
            node_id="UpscaleMusicVideo",
            display_name="Upscale Music Video",
            category="songreel/film",
            description="Enlarges a video of any length with an upscale model, frame by frame, and keeps its sound. A "
            "run that was stopped continues where it was.",
            inputs=[
                io.Video.Input("video", tooltip="The video; best rendered with the codec lossless."),
                io.UpscaleModel.Input("upscale_model", tooltip="An upscale model, from Load Upscale Model."),
                *inputs_of(io, UpscaleSettings),
            ],
            outputs=[
                io.Video.Output("enlarged", display_name="enlarged", tooltip="The enlarged video with its sound."),
                io.String.Output("report", display_name="report", tooltip="JSON: sizes and counts."),
            ],
        )

    @classmethod
    @with_consent
    def execute(cls, video, upscale_model, **given) -> io.NodeOutput:
        from .source import video_file
        from .upscale import upscale_video

        host, settings = current(), from_inputs(UpscaleSettings, given)
        path, report = upscale_video(host, video_file(video, host.temp_dir()), upscale_model, settings)
        text = json.dumps(report, indent=2)
        return io.NodeOutput(host.video_from_file(path), text, ui={"text": [text]})


class SaveMusicVideo(io.ComfyNode):
    """Saves a VIDEO's file as it is."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SaveMusicVideo",
            display_name="Save Music Video",
            category="songreel/film",
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
    @with_consent
    def execute(cls, video, filename_prefix="video/songreel") -> io.NodeOutput:
        from .save import plays_in_browsers, save_as_it_is, suffix_of, write_preview
        from .source import video_file

        host = current()
        source = video_file(video, host.temp_dir())
        suffix = suffix_of(source)
        folder, name, counter, subfolder = host.save_place(filename_prefix, *video.get_dimensions())
        target = folder / f"{name}_{counter:05}_{suffix}"
        save_as_it_is(source, target, _metadata(cls))
        note_made(target, finished=True)
        saved = {"filename": target.name, "subfolder": subfolder, "type": "output"}
        shown = saved
        if not plays_in_browsers(source):
            preview = host.temp_dir() / f"preview_{source.stem}.mp4"
            reference = host.page_reference(preview)
            if reference is not None:
                write_preview(source, preview)
                note_made(preview, file_digest(preview))
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
            category="songreel/film",
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
    @with_consent
    def execute(cls, video, filename_prefix="frames/songreel") -> io.NodeOutput:
        from .png_frames import frame_name, save_frames
        from .source import frame_rate, opened, video_file

        host = current()
        source = video_file(video, host.temp_dir())
        parent, name, counter, subfolder = host.save_place(filename_prefix, *video.get_dimensions())
        folder = parent / f"{name}_{counter:05}_"
        with opened(source) as container:
            stream = container.streams.video[0]
            total = stream.frames or round(float(container.duration or 0) / 1e6 * frame_rate(source, container))
        progress = host.progress(max(total, 1))
        count = save_frames(
            source, folder, _metadata(cls), on_frame=lambda done: progress.update(min(done, max(total, 1)))
        )
        note_made(folder, finished=True)
        inside = f"{subfolder}/{folder.name}".lstrip("/")
        first = {"filename": frame_name(0), "subfolder": inside, "type": "output"}
        text = f"{count} frames in {inside}"
        return io.NodeOutput(inside, count, ui={"images": [first], "files": [first], "text": [text]})
