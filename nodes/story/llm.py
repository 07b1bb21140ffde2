"""A language model as storyteller: it writes what the shots show; where it fails, the offline story stays.

After MVP's narrative mode (arXiv 2502.02610, one call, self-contained captions) and MV-Crafter's script chain (arXiv
2504.17267: theme -> scenes -> each rewritten with its music -> five keywords).
"""

from __future__ import annotations

import re
from dataclasses import replace

from ..base.guard import blocked_words
from ..base.types import Shot, Story
from ..host.port import Host
from .compose import CountTokens, Part, compose
from .llm_client import LlmClient, LlmError, LlmSettings, settings_of
from .llm_schema import KeywordsAnswer, ScenesAnswer, ShotAnswer, StoryAnswer
from .person import NOBODY
from .person import PLACEHOLDER as PERSON
from .scenes import Scene
from .settings import LLM, Wishes
from .vocabulary import shipped

SHOTS_A_CALL = 40
_QUOTED_WORDS = 5
# The place of the story so far among the scenes of parts, and how many shots it tells.
SO_FAR, _REMEMBERED = -1, 8
_SYSTEM = (
    "You write shots of a music video for an image generator. Every shot is described by itself, in English whatever "
    "the language of the lyrics, without reference to other shots, without quoting the lyrics, without names of real "
    "people, without text in the picture. The main person is always written "
    + PERSON
    + ", and only in shots marked 'person'. "
    "All shots tell one story: places, objects and colours come back, most of all where a part of the song comes back. "
    "Answer with exactly the shots that are asked for, by their numbers."
)


def writer_of(wishes: Wishes, host: Host) -> LlmWriter | None:
    """What writes the prompts anew.

    Parameters
    ----------
    wishes : Wishes
        Name the storyteller.
    host : Host
        Knows where the language model is.

    Returns
    -------
    LlmWriter or None
        None for the offline storyteller.

    Raises
    ------
    InputError
        When the language model is wished for and has no address.
    """
    return LlmWriter(settings_of(host), wishes, host=host) if wishes.storyteller == LLM else None


class LlmWriter:
    """Writes the prompts of a story anew: call it with scenes, the offline story, and a list that takes its notes."""

    def __init__(self, settings: LlmSettings, wishes: Wishes, *, host: Host):
        self._wishes, self._style, self._count = wishes, shipped(wishes.style), host.count_tokens
        self._client = LlmClient(settings, cap=wishes.token_cap, folder=host.cache_dir(), check=host.check_interrupt)

    def __call__(self, scenes: list[Scene], story: Story, notes: list[str]) -> Story:
        look, script = list(self._style.style), dict[int, str]()
        if self._wishes.mode == "chain":
            look, script = self._chain(scenes, look, notes)
        answers: dict[int, ShotAnswer] = {}
        for first in range(0, len(scenes), SHOTS_A_CALL):
            numbers = range(first + 1, min(first + SHOTS_A_CALL, len(scenes)) + 1)
            try:
                answers |= self._written(list(numbers), scenes, story, script | _so_far(answers), notes)
            except LlmError as error:
                notes.append(f"The language model did not write shots {numbers[0]} to {numbers[-1]}: {error}.")
                if "cap" in str(error):
                    break
        shots, kept = [], 0
        for number, (scene, shot) in enumerate(zip(scenes, story.shots, strict=True), 1):
            prompt = self._prompt(answers[number], scene, look) if number in answers else None
            kept += prompt is None
            shots.append(shot if prompt is None else self._told(shot, answers[number], prompt))
        if kept:
            notes.append(f"{kept} of {len(shots)} shots are told by the offline storyteller.")
        return Story(tuple(shots))

    def _chain(self, scenes: list[Scene], look: list[str], notes: list[str]) -> tuple[list[str], dict[int, str]]:
        """Five keywords, and a scene for each part of the song."""
        parts = sorted({scene.section for scene in scenes})
        script: dict[int, str] = {}
        try:
            answer = self._client.ask(
                _SYSTEM,
                f"Theme: {self._wishes.theme or 'free'}. The song has {len(parts)} parts. Write exactly {len(parts)} "
                f"scenes, one a part, that tell one story.\n{self._parts(scenes)}",
                ScenesAnswer,
            )
            if len(answer.scenes) != len(parts):
                notes.append(f"The language model wrote {len(answer.scenes)} scenes for {len(parts)} parts.")
            script = dict(zip(parts, answer.scenes, strict=False))
            words = self._client.ask(
                _SYSTEM,
                "Five visual style keywords for a video of these scenes:\n" + "\n".join(answer.scenes),
                KeywordsAnswer,
            ).keywords
            look = look[:1] + [word for word in words if word.strip() and not blocked_words(word)][:5]
        except LlmError as error:
            notes.append(f"The language model wrote no scenes: {error}.")
        return look, script

    def _parts(self, scenes: list[Scene]) -> str:
        firsts = {scene.section: scene for scene in reversed(scenes)}
        return "\n".join(
            f"part {scene.label}{' again' if scene.returns else ''}: {scene.music or scene.emotion}"
            for _, scene in sorted(firsts.items())
        )

    def _written(
        self, numbers: list[int], scenes: list[Scene], story: Story, script: dict[int, str], notes: list[str]
    ) -> dict[int, ShotAnswer]:
        """Answers by number. What is missing is asked for once more; what is too much is left out."""
        found: dict[int, ShotAnswer] = {}
        for attempt in range(2):
            missing = [number for number in numbers if number not in found]
            if not missing:
                break
            # An answer that is cut off loses its end: a shot that is there already stands there the second time.
            last = [number for number in numbers if number in found][:1] if self._client.cut and attempt else []
            question = self._question([*missing, *last], len(scenes), scenes, story, script)
            try:
                answer = self._client.ask(_SYSTEM, question, StoryAnswer, wanted=(*missing, *last))
            except LlmError:
                if not found:
                    raise
                break
            fresh = {shot.number: shot for shot in answer.shots if shot.number in missing and shot.narrative.strip()}
            written = [shot for shot in answer.shots if shot.number not in last]
            if len(written) != len(missing) or len(fresh) != len(missing):
                again = "; the missing ones were asked for again" if not attempt and len(fresh) < len(missing) else ""
                notes.append(
                    f"The language model wrote {len(written)} shots where {len(missing)} were asked for{again}."
                )
            found |= fresh
        return found

    def _question(
        self, numbers: list[int], total: int, scenes: list[Scene], story: Story, script: dict[int, str]
    ) -> str:
        rows = [f"Theme: {self._wishes.theme or 'free'}. Look: {', '.join(self._style.style)}."]
        if self._wishes.content != "music":
            rows.append(f"This is a {self._wishes.content}: calm pictures that follow the topic.")
        if self._wishes.mode == "literal" and any(scenes[number - 1].lyric for number in numbers):
            rows.append("Show in each shot with words what these words say, as literally as a picture can.")
        if SO_FAR in script:
            rows.append(f"The story so far: {script[SO_FAR]}")
        rows.append(f"Write exactly {len(numbers)} shots of {total}, numbers {min(numbers)} to {max(numbers)}:")
        told = None
        for number in numbers:
            scene = scenes[number - 1]
            if scene.section in script and told != scene.section:
                rows.append(f"[scene: {script[scene.section]}]")
                told = scene.section
            person = " person." if "figure" in story.shots[number - 1].record else ""
            again = " again" if scene.returns else ""
            line = f' words: "{scene.lyric}".' if scene.lyric else " no words."
            rows.append(f"{number}. part {scene.label}{again}, {scene.emotion}.{person}{line} music: {scene.music}")
        return "\n".join(rows)

    def _prompt(self, answer: ShotAnswer, scene: Scene, look: list[str]) -> str | None:
        """A prompt from an answer within CLIP's limit; None when the answer cannot be shown."""
        # The story is saved with the placeholder; a figure of words stands there when the user names no one.
        figure = self._wishes.person or NOBODY
        fields = {name: " ".join(str(value).split()) for name, value in answer.model_dump().items()}
        if blocked_words(" ".join(fields.values())):
            return None
        narrative = _unquoted(fields["narrative"].rstrip("."), scene.lyric)
        if not narrative:
            return None
        parts = [Part(narrative)] + [
            Part(fields[name], importance)
            for name, importance in (
                ("location", 8), ("time_of_day", 7), ("weather", 5), ("shot_type", 6), ("pose", 4), ("camera", 3),
                ("expression", 2), ("outfit", 4), ("props", 1),
            )
            if fields[name] and fields[name].casefold() not in narrative.casefold()
        ]  # fmt: skip
        parts += [Part(word, 6 if index == 0 else 3) for index, word in enumerate(look)]
        parts = [replace(part, text=part.text.replace(PERSON, figure)) for part in parts]
        return _within(parts, self._count)

    def _told(self, shot: Shot, answer: ShotAnswer, prompt: str) -> Shot:
        kept = {key: shot.record[key] for key in ("section", "music", "returns", "figure") if key in shot.record}
        return replace(shot, prompt=prompt, record=kept | answer.model_dump(exclude={"number"}) | {"by": "llm"})


def _so_far(answers: dict[int, ShotAnswer]) -> dict[int, str]:
    """What the last shots of earlier questions show, under a number that no part has."""
    last = [answers[number].narrative.rstrip(".") for number in sorted(answers)][-_REMEMBERED:]
    return {SO_FAR: ". ".join(last) + "."} if last else {}


def _within(parts: list[Part], count: CountTokens) -> str:
    from .compose import fit_prompt

    return fit_prompt(compose(parts, count)[0], count)[0]


def _unquoted(text: str, lyric: str) -> str:
    """The text without runs of more than four words of the lyric."""
    sung = re.findall(r"\w+", lyric.casefold())
    runs = {tuple(sung[k : k + _QUOTED_WORDS]) for k in range(len(sung) - _QUOTED_WORDS + 1)}
    words = text.split()
    plain = [re.sub(r"\W", "", word.casefold()) for word in words]
    quoted = set()
    for k in range(len(plain) - _QUOTED_WORDS + 1):
        if tuple(plain[k : k + _QUOTED_WORDS]) in runs:
            quoted |= set(range(k, k + _QUOTED_WORDS))
    return " ".join(word for k, word in enumerate(words) if k not in quoted).strip(" ,")
