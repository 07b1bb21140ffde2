"""The list of node classes, in the order data flows. Importing this package imports no node."""


def node_classes() -> list[type]:
    """All node classes of the pack, from song to video."""
    from .audio.node import AudioBeatEnvelope
    from .curves.node import BeatsToText, CorrectBeats, CurveToRange, EnvelopeCurve
    from .render.node import RenderMusicVideo, StoryAnimatic
    from .schedule.node import OnsetSlerpScheduler
    from .story.node import PromptTimeline

    return [
        AudioBeatEnvelope,
        CorrectBeats,
        EnvelopeCurve,
        CurveToRange,
        BeatsToText,
        PromptTimeline,
        OnsetSlerpScheduler,
        StoryAnimatic,
        RenderMusicVideo,
    ]


def extension():
    """The V3 extension object that hands `node_classes` to ComfyUI."""
    from comfy_api.latest import ComfyExtension

    class SongreelExtension(ComfyExtension):
        async def get_node_list(self) -> list[type]:
            return node_classes()

    return SongreelExtension()
