"""The list of node classes, in the order data flows. Importing this package imports no node."""


def node_classes() -> list[type]:
    """All node classes of the pack, from song to video."""
    from .film.metrics.node import IdentityMetrics
    from .film.output.node import SaveFrames, SaveMusicVideo, UpscaleMusicVideo
    from .person.charcha.node import CharchaCapture, CharchaIdentity
    from .person.identity.node import ApplyIdentityLoRA, TrainIdentityLoRA
    from .render.node import RenderMusicVideo, StoryAnimatic
    from .render.sampler.node import ScheduleToSampler
    from .schedule.exchange.node import ScheduleToText, TextToSchedule
    from .schedule.modulate.node import ModulateSchedule, ScheduleCurve, ScheduleThemes
    from .schedule.plan.node import EventPlan, OnsetSlerpScheduler
    from .song.audio.node import AudioBeatEnvelope
    from .song.caption.node import MusicCaption
    from .song.curves.node import BeatsToText, CorrectBeats, CurveToRange, EnvelopeCurve
    from .song.emotion.node import MusicEmotion
    from .song.lyrics.node import LoadLyrics, TranscribeLyrics
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
            from .host import current
            from .person.charcha.routes import register

            host = current()
            register(host)
            host.take_owner_keys()
            return node_classes()

    return SongreelExtension()
