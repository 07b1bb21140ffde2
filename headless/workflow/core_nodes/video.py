"""Nodes that make and save videos."""

from __future__ import annotations

from fractions import Fraction

from songreel.nodes.host import current

from ...comfy_api import io, ui
from ...comfy_api.video_types import VideoCodec, VideoComponents, VideoContainer
from ...folders import numbered
from .images import PREFIX_TOOLTIP


class CreateVideo(io.ComfyNode):
    """IMAGE and AUDIO -> VIDEO."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="CreateVideo",
            display_name="Create Video",
            category="image/video",
            description="Makes a video of pictures and a sound.",
            inputs=[
                io.Image.Input("images", tooltip="The pictures, one per frame."),
                io.Float.Input("fps", default=30.0, min=1.0, max=120.0, step=1.0, tooltip="Frames per second."),
                io.Audio.Input("audio", optional=True, tooltip="The sound."),
            ],
            outputs=[io.Video.Output()],
        )

    @classmethod
    def execute(cls, images, fps, audio=None) -> io.NodeOutput:
        from ...comfy_api.video import VideoFromComponents

        components = VideoComponents(images=images, frame_rate=Fraction(fps), audio=audio)
        return io.NodeOutput(VideoFromComponents(components))


class SaveVideo(io.ComfyNode):
    """Saves a VIDEO as a file."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="SaveVideo",
            display_name="Save Video",
            category="image/video",
            description="Saves a video in the output folder.",
            inputs=[
                io.Video.Input("video", tooltip="The video."),
                io.String.Input("filename_prefix", default="video/ComfyUI", tooltip=PREFIX_TOOLTIP),
                io.Combo.Input("format", options=VideoContainer.as_input(), default="auto", tooltip="File format."),
                io.Combo.Input("codec", options=VideoCodec.as_input(), default="auto", tooltip="Codec."),
            ],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, video, filename_prefix, format, codec) -> io.NodeOutput:
        width, height = video.get_dimensions()
        folder, name, counter, subfolder = numbered(filename_prefix, current().output_dir(), width=width, height=height)
        file = f"{name}_{counter:05}_.{VideoContainer.get_extension(format)}"
        metadata = ui.workflow_metadata(cls) or None
        video.save_to(str(folder / file), format=VideoContainer(format), codec=VideoCodec(codec), metadata=metadata)
        return io.NodeOutput(ui=ui.PreviewVideo([ui.SavedResult(file, subfolder, io.FolderType.output)]))
