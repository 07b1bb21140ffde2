"""What a language model is asked to answer with, as pydantic models; the schema goes with the question."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class ShotAnswer(BaseModel):
    """One shot. Fields after MVP's successor; every one but the number may be empty, and may be missing."""

    model_config = ConfigDict(extra="ignore")

    number: int = Field(description="number of the shot, as in the question")
    narrative: str = Field(description="what is seen, one self-contained English sentence of at most 25 words")
    location: str = Field("", description="place")
    time_of_day: str = ""
    weather: str = ""
    shot_type: str = Field("", description="such as wide shot, close-up")
    camera: str = Field("", description="position and movement")
    pose: str = Field("", description="what the person does; empty without a person")
    expression: str = ""
    outfit: str = ""
    props: str = ""


class StoryAnswer(BaseModel):
    """All shots of a question."""

    model_config = ConfigDict(extra="ignore")

    shots: list[ShotAnswer]


class ScenesAnswer(BaseModel):
    """The scenes of a theme, one for each part of the song."""

    model_config = ConfigDict(extra="ignore")

    scenes: list[str] = Field(description="one paragraph a part: characters, place, what happens")


class KeywordsAnswer(BaseModel):
    """Words for the look of the whole video."""

    model_config = ConfigDict(extra="ignore")

    keywords: list[str] = Field(description="exactly five visual style keywords")


def strict_schema(model: type[BaseModel]) -> dict:
    """The JSON schema of a model in OpenAI's strict form: every field required, nothing else allowed.

    Parameters
    ----------
    model : type of BaseModel
        The form of an answer.
    """

    def tighten(node):
        if isinstance(node, dict):
            node.pop("default", None)
            if node.get("type") == "object":
                node["required"] = list(node.get("properties", {}))
                node["additionalProperties"] = False
            for value in node.values():
                tighten(value)
        elif isinstance(node, list):
            for value in node:
                tighten(value)
        return node

    return tighten(model.model_json_schema())


def in_words(model: type[BaseModel]) -> str:
    """The form of an answer in words, for models and servers that do not look at a schema."""
    (name,) = model.model_fields
    if model is StoryAnswer:
        fields = ", ".join(f'"{field}": ""' for field in list(ShotAnswer.model_fields)[1:])
        return f'Answer with one JSON object and nothing else: {{"{name}": [{{"number": 1, {fields}}}, ...]}}.'
    return f'Answer with one JSON object and nothing else: {{"{name}": ["...", ...]}}.'
