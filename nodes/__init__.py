"""The list of node classes, in the order data flows. Importing this package imports no node."""


def node_classes() -> list[type]:
    """All node classes of the pack, from song to video."""
    from .audio.node import AudioBeatEnvelope
    from .caption.node import MusicCaption
    from .charcha.node import CharchaCapture, CharchaIdentity
    from .curves.node import BeatsToText, CorrectBeats, CurveToRange, EnvelopeCurve
    from .emotion.node import MusicEmotion
    from .exchange.node import ScheduleToText, TextToSchedule
    from .identity.node import ApplyIdentityLoRA, TrainIdentityLoRA
    from .lyrics.node import LoadLyrics, TranscribeLyrics
    from .metrics.node import IdentityMetrics
    from .modulate.node import ModulateSchedule, ScheduleCurve, ScheduleThemes
    from .output.node import SaveFrames, SaveMusicVideo, UpscaleMusicVideo
    from .render.node import RenderMusicVideo, StoryAnimatic
    from .sampler.node import ScheduleToSampler
    from .schedule.node import EventPlan, OnsetSlerpScheduler
    from .story.node import LyricsToStoryPrompts, PromptTimeline, StoryShot

    return [
        AudioBeatEnvelope,
        CorrectBeats,
        EnvelopeCurve,
        CurveToRange,
        BeatsToText,
        LoadLyrics,
        TranscribeLyrics,
        MusicEmotion,
        MusicCaption,
        LyricsToStoryPrompts,
        StoryShot,
        PromptTimeline,
        CharchaCapture,
        CharchaIdentity,
        TrainIdentityLoRA,
        ApplyIdentityLoRA,
        OnsetSlerpScheduler,
        EventPlan,
        ModulateSchedule,
        ScheduleCurve,
        ScheduleThemes,
        ScheduleToText,
        TextToSchedule,
        StoryAnimatic,
        RenderMusicVideo,
        ScheduleToSampler,
        UpscaleMusicVideo,
        SaveMusicVideo,
        SaveFrames,
        IdentityMetrics,
    ]


def extension():
    """The V3 extension object that hands `node_classes` to ComfyUI."""
    from comfy_api.latest import ComfyExtension

    class SongreelExtension(ComfyExtension):
        async def get_node_list(self) -> list[type]:
            from .charcha.routes import register
            from .host import current

            host = current()
            register(host)
            host.take_owner_keys()
            return node_classes()

    return SongreelExtension()
