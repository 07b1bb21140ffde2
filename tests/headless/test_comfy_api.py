"""The stand-in `comfy_api`: schemas, hidden values, outputs."""

import asyncio
import subprocess
import sys

import pytest

from headless import comfy_api
from headless.comfy_api import io, ui
from support.paths import ROOT


class Node(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="Node",
            inputs=[
                io.Int.Input("count", default=3, min=1, max=9, step=2),
                io.Float.Input("rate", default=1.5, round=0.01),
                io.String.Input("text", optional=True, multiline=True),
                io.Combo.Input("mode", options=["a", "b"], default="b"),
                io.Custom("SONG").Input("song", lazy=True, tooltip="A song."),
            ],
            outputs=[io.Image.Output(display_name="picture"), io.Float.Output(is_output_list=True)],
            hidden=[io.Hidden.unique_id],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, **inputs):
        return io.NodeOutput(cls.hidden.unique_id, cls.hidden.prompt)


def test_catalogue_entry():
    info = Node.GET_NODE_INFO_V1()
    assert info["input"]["required"] == {
        "count": ("INT", {"default": 3, "min": 1, "max": 9, "step": 2}),
        "rate": ("FLOAT", {"default": 1.5, "round": 0.01}),
        "mode": ("COMBO", {"default": "b", "multiselect": False, "options": ["a", "b"]}),
        "song": ("SONG", {"tooltip": "A song.", "lazy": True}),
    }
    assert info["input"]["optional"] == {"text": ("STRING", {"multiline": True})}
    assert info["input_order"]["hidden"] == ["unique_id", "prompt", "extra_pnginfo"]
    assert info["output"] == ["IMAGE", "FLOAT"]
    assert info["output_name"] == ["picture", "FLOAT"]
    assert info["output_is_list"] == [False, True]


def test_outputs_get_ids():
    assert [output.id for output in Node.GET_SCHEMA().outputs] == ["_0_IMAGE_", "_1_FLOAT_"]


def test_repeated_ids_are_refused():
    schema = io.Schema(node_id="Twice", inputs=[io.Int.Input("a"), io.Int.Input("a")])
    schema.finalize()
    with pytest.raises(ValueError, match=r"Twice: ids .* \['a'\] repeat"):
        schema.validate()


def test_hidden_values_stay_with_one_execution():
    first = Node.PREPARE_CLASS_CLONE({io.Hidden.unique_id: "7"})
    second = Node.PREPARE_CLASS_CLONE({io.Hidden.unique_id: "8"})
    assert asyncio.run(first.run()).args == ("7", None)
    assert asyncio.run(second.run()).args == ("8", None)
    assert Node.hidden is None
    assert first.hidden.no_such_value is None


@pytest.mark.parametrize(
    ("returned", "args"),
    [(None, ()), ((1, 2), (1, 2)), ({"result": (3,), "ui": {"text": ["x"]}}, (3,)), (io.NodeOutput(4), (4,))],
)
def test_what_execute_may_return(returned, args):
    assert io.NodeOutput.of(returned).args == args


def test_what_execute_may_not_return():
    with pytest.raises(TypeError, match="returned list"):
        io.NodeOutput.of([1])


def test_a_blocker_becomes_a_blocked_output():
    assert io.NodeOutput.of(io.ExecutionBlocker("why")).block_execution == "why"


def test_ui_forms():
    saved = ui.SavedResult("a.mp4", "video", io.FolderType.output)
    assert saved == {"filename": "a.mp4", "subfolder": "video", "type": "output"}
    assert ui.PreviewVideo([saved]).as_dict() == {"images": [saved], "animated": (True,)}
    assert ui.SavedImages([saved]).as_dict() == {"images": [saved]}


def test_modules_answer_the_imports_of_nodes():
    modules = comfy_api.modules()
    latest = modules["comfy_api.latest"]
    assert {"ComfyExtension", "InputImpl", "io", "ui"} <= set(vars(latest))
    assert modules["comfy_api"].latest is latest
    assert latest.io.ComfyNode is io.ComfyNode
    assert latest.InputImpl.VideoFromFile.__name__ == "VideoFromFile"


def test_importing_it_loads_nothing_heavy():
    code = "import sys, headless.comfy_api as a; a.modules(); print({'torch', 'numpy', 'av'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
