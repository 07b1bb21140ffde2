"""Nodes for sound."""

from __future__ import annotations

from ...comfy_api import io
from .input_files import check_input, digest_input, this_host


class LoadAudio(io.ComfyNode):
    """An audio file -> AUDIO."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LoadAudio",
            display_name="LoadAudio",
            category="audio",
            description="Loads a song from a file.",
            inputs=[
                io.Combo.Input(
                    "audio",
                    options=this_host().input_names(),
                    upload=io.UploadType.audio,
                    tooltip="File name of the song.",
                )
            ],
            outputs=[io.Audio.Output()],
        )

    @classmethod
    def validate_inputs(cls, audio) -> bool | str:
        return check_input(audio)

    @classmethod
    def fingerprint_inputs(cls, audio) -> str | None:
        return digest_input(audio)

    @classmethod
    def execute(cls, audio) -> io.NodeOutput:
        import torch

        from songreel.nodes.base.media.audio import read_audio

        waveform, sample_rate = read_audio(this_host().input_file(audio))
        return io.NodeOutput({"waveform": torch.from_numpy(waveform)[None], "sample_rate": sample_rate})
