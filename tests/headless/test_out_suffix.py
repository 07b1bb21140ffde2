"""What the suffix of --out means: the codec, the node that saves, and one sentence where nothing fits."""

import io
import json

import pytest

from headless.__main__ import bootstrap
from headless.cli import render as cli
from headless.host import HeadlessHost
from headless.workflow import options


@pytest.fixture(scope="module")
def schemas(tmp_path_factory):
    from headless.workflow.registry import registry
    from songreel.nodes import host as port
    from songreel.nodes.host import _installed as before

    bootstrap(HeadlessHost(tmp_path_factory.mktemp("home"), stream=io.StringIO()))
    found = options.schemas_of({name: cls.GET_NODE_INFO_V1() for name, cls in registry().items()})
    port._installed = before
    return found


def workflow(**render):
    graph = cli.load_workflow("beat_video")
    graph["8"]["inputs"] |= render
    return graph


def adapted(schemas, name, graph=None, sets=()):
    return options.apply_suffix(graph or workflow(), schemas, "9", options.out_suffix(name), sets)


@pytest.mark.parametrize(
    ("name", "codec", "saver"),
    [
        ("x.mp4", "h264", "SaveVideo"),
        ("x.M4V", "h264", "SaveVideo"),
        ("a.b/x.mov", "prores", "SaveMusicVideo"),
        ("x.webm", "av1 webm", "SaveMusicVideo"),
        ("x.gif", "gif", "SaveMusicVideo"),
    ],
)
def test_a_suffix_chooses_codec_and_saver(schemas, name, codec, saver):
    graph = adapted(schemas, name)
    assert graph["8"]["inputs"]["codec"] == codec
    assert graph["9"]["class_type"] == saver
    names = {"video", "filename_prefix"} | ({"format", "codec"} if saver == "SaveVideo" else set())
    assert set(graph["9"]["inputs"]) == names
    assert workflow() == cli.load_workflow("beat_video")


def test_a_codec_that_fits_stays(schemas):
    graph = adapted(schemas, "x.mp4", workflow(codec="hevc"))
    assert graph["8"]["inputs"]["codec"] == "hevc" and graph["9"]["class_type"] == "SaveVideo"
    # The workflow's own choice gives way to the suffix, what the user set does not.
    assert adapted(schemas, "x.mp4", workflow(codec="prores"))["8"]["inputs"]["codec"] == "h264"
    with pytest.raises(options.UsageError) as caught:
        adapted(schemas, "x.mp4", workflow(codec="prores"), ["8.codec=prores"])
    assert str(caught.value) == (
        "--out: the codec prores makes a .mov file; name it so, or choose one for .mp4: h264, hevc, av1, lossless."
    )


def test_what_no_codec_makes():
    for name in ("x.avi", "x", "x.", ".mp4/x"):
        with pytest.raises(options.UsageError, match="is no kind of video that can be written; end its name in"):
            options.out_suffix(name)


def test_a_workflow_whose_video_has_no_codec(schemas):
    graph = workflow()
    graph["20"] = {"class_type": "CreateVideo", "inputs": {"images": ["3", 0], "fps": 12.0}}
    graph["9"]["inputs"]["video"] = ["20", 0]
    assert adapted(schemas, "x.mp4", graph) == graph
    with pytest.raises(options.UsageError, match="saves MP4 only, since .* before it has no codec; name it .mp4"):
        adapted(schemas, "x.gif", graph)


def test_a_server_with_an_older_songreel(schemas):
    older = {name: entry for name, entry in schemas.items() if name != "SaveMusicVideo"}
    with pytest.raises(options.UsageError, match="has no Save Music Video and cannot save .mov; update it"):
        adapted(older, "x.mov")


def test_a_size_given_by_hand_is_no_preset(schemas):
    graph = workflow(size="portrait 9:16 432x768")
    changed = options.apply_role(graph, schemas, options.ROLES["size"], 64, 72)
    inputs = changed["8"]["inputs"]
    assert (inputs["size"], inputs["width"], inputs["height"]) == ("custom", 64, 72)
    assert json.loads(json.dumps(changed)) == changed
