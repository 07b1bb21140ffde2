"""The language model's path against a real HTTP server that speaks OpenAI's protocol, well and badly."""

import json
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from headless.host import HeadlessHost
from songreel.nodes import host as host_port
from songreel.nodes.base.errors import InputError
from songreel.nodes.song.lyrics.parse import parse_lyrics as lyrics_of
from songreel.nodes.story import llm, make
from songreel.nodes.story import llm_client as client
from support.paths import ROOT
from support.stories import WORLD, count, form, moods, valid

KEY = "sk-very-secret-0123456789"
FIELDS = ("location", "time_of_day", "weather", "shot_type", "camera", "pose", "expression", "outfit", "props")


class Server:
    """Answers with what `reply(question, number of the call)` gives: content, or a function that takes the handler."""

    def __init__(self, reply):
        outer = self
        self.questions, self.headers, self.calls = [], [], 0

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):  # noqa: N802
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.calls += 1
                outer.questions.append(body)
                outer.headers.append({name.lower(): value for name, value in self.headers.items()})
                answer = reply(body["messages"][-1]["content"], outer.calls)
                if callable(answer):
                    answer(self)
                else:
                    send(self, answer)

            def log_message(self, *args):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/v1"


def send(handler, content, *, status=200, refusal=None, finish="stop", tokens=100, headers=()):
    message = {"role": "assistant", "content": content, "refusal": refusal}
    body = {
        "id": "x", "object": "chat.completion", "created": 0, "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": {"prompt_tokens": tokens // 2, "completion_tokens": tokens - tokens // 2, "total_tokens": tokens},
    } if status == 200 else {"error": {"message": f"no, {KEY} is bad", "type": "x", "code": None}}  # fmt: skip
    data = json.dumps(body).encode()
    handler.send_response(status)
    for name, value in (("Content-Type", "application/json"), ("Content-Length", str(len(data))), *headers):
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(data)


def asked(question):
    """Numbers of the shots that a question asks for."""
    return [int(row.split(".")[0]) for row in question.splitlines() if row.split(".")[0].isdigit()]


def shots(numbers, narrative="{PERSON} crosses a glass bridge number %d"):
    text = [narrative % n if "%d" in narrative else narrative for n in numbers]
    return json.dumps({"shots": [{"number": n, "narrative": t} | dict.fromkeys(FIELDS, "") | {"location": "a bridge"}
                                 for n, t in zip(numbers, text, strict=True)]})  # fmt: skip


def good(question, call):
    return shots(asked(question))


@pytest.fixture
def host(tmp_path):
    previous = host_port._installed
    with open(tmp_path / "log.txt", "w+") as stream:
        host = HeadlessHost(tmp_path, stream=stream)
        host_port.install(host)
        yield host
    host_port.install(previous)


def told(
    host,
    reply,
    *,
    wishes=None,
    cap=60_000,
    timeout=5.0,
    tries=2,
    words="8,12,walk with me over the river tonight",
    at=None,
):
    server = Server(reply)
    settings = client.LlmSettings(KEY, at or server.url, "m", timeout=timeout, tries=tries, pause=0.05)
    wishes = wishes or make.Wishes(person="{PERSON}")
    writer = llm.LlmWriter(settings, replace(wishes, token_cap=cap), host=host)
    story, notes = make.make_story(
        form(40.0, labels="AB"), WORLD, wishes, count=count, lyrics=lyrics_of(words),
        emotion=moods(40.0, "serene", "tense"), writer=writer,
    )  # fmt: skip
    server.http.shutdown()
    valid(story, 40.0)
    assert max(count(shot.prompt) for shot in story.shots) <= 75
    assert KEY not in story.to_text() + " ".join(notes) and server.url not in " ".join(notes)
    return story, notes, server


def by_model(story):
    return sum(shot.record.get("by") == "llm" for shot in story.shots)


def test_a_good_answer_becomes_the_story(host):
    story, notes, server = told(host, good)
    assert by_model(story) == len(story.shots) == 10 and notes == ()
    assert story.shots[3].prompt.startswith("{PERSON} crosses a glass bridge number 4, a bridge, film still")
    assert story.shots[3].record["location"] == "a bridge"
    (question,) = server.questions
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"
    assert question["response_format"]["json_schema"]["strict"] is True
    assert question["response_format"]["json_schema"]["schema"]["additionalProperties"] is False
    assert "walk with me over the river tonight" in question["messages"][1]["content"]


def test_the_same_question_is_paid_once(host):
    first, _, asked_first = told(host, good)
    again, _, server = told(host, good, at=asked_first.url)
    assert server.calls == 0 and again == first
    _, _, elsewhere = told(host, good)
    assert elsewhere.calls == 1


def test_missing_shots_are_asked_for_again_and_too_many_are_left_out(host):
    story, notes, server = told(
        host, lambda question, call: shots(asked(question)[:6] if call == 1 else asked(question))
    )
    assert (
        by_model(story) == 10
        and server.calls == 2
        and asked(server.questions[1]["messages"][1]["content"]) == [7, 8, 9, 10]
    )
    assert notes == (
        "The language model wrote 6 shots where 10 were asked for; the missing ones were asked for again.",
    )
    story, notes, _ = told(host, lambda question, call: shots([*asked(question), 11, 12, 3]), words="8,12,other words")
    assert by_model(story) == 10 and "wrote 13 shots where 10" in notes[0]


def test_shots_that_never_come_are_told_offline(host):
    story, notes, _ = told(host, lambda question, call: shots([1, 2]))
    assert by_model(story) == 2 and "8 of 10 shots are told by the offline storyteller." in notes
    assert len({shot.prompt for shot in story.shots}) == 10


def hang(handler):
    time.sleep(1.5)


def close(handler):
    handler.connection.close()


def huge(handler):
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.end_headers()
    try:
        for _ in range(200):
            handler.wfile.write(b" " * 100_000)
    except OSError:
        pass


def trickle(handler):
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.end_headers()
    try:
        for _ in range(30):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.1)
    except OSError:
        pass


@pytest.mark.parametrize(
    ("bad", "words", "calls"),
    [
        ("not json", "not in the form that was asked for", 1),
        ('{"shots": 3}', "not in the form that was asked for", 1),
        (lambda handler: send(handler, None, refusal="no"), "it refused to answer", 1),
        (lambda handler: send(handler, "", finish="content_filter"), "it refused to answer", 1),
        (lambda handler: send(handler, '{"shots": [', finish="length"), "cut off at the token limit", 1),
        (lambda handler: send(handler, "", status=429, headers=(("Retry-After", "0"),)), "asked too often .429.", 2),
        (lambda handler: send(handler, "", status=500), "answered with status 500", 2),
        (lambda handler: send(handler, "", status=401), "status 401: it does not take the key", 1),
        (lambda handler: send(handler, "", status=404), "knows no such model or address", 1),
        (hang, "did not answer in 0.5 s", 2),
        (trickle, "did not answer in 0.5 s|connection failed", 2),
        (close, "the connection failed", 2),
        (huge, "its answer is too long", 1),
        (lambda handler: send(handler, "", status=302, headers=(("Location", "http://a.b/"),)), "status 302", 1),
    ],
    ids=["no JSON", "wrong form", "refusal", "filter", "cut off", "429", "500", "401", "404", "hang", "trickle",
         "closed", "huge", "redirect"],
)  # fmt: skip
def test_every_failure_ends_in_the_offline_story(host, bad, words, calls):
    story, notes, server = told(host, lambda question, call: bad, timeout=0.5)
    assert by_model(story) == 0 and server.calls == calls
    assert len(notes) == 2 and "The language model did not write shots 1 to 10: " in notes[0]
    import re

    assert re.search(words, notes[0]), notes[0]
    assert notes[1] == "10 of 10 shots are told by the offline storyteller."
    assert len({shot.prompt for shot in story.shots}) == 10


def test_after_a_passing_failure_it_is_asked_again(host):
    def reply(question, call):
        return (lambda handler: send(handler, "", status=503)) if call == 1 else shots(asked(question))

    story, notes, server = told(host, reply)
    assert by_model(story) == 10 and server.calls == 2 and notes == ()


def test_a_fence_around_the_answer_is_taken_off(host):
    story, _, _ = told(host, lambda question, call: f"```json\n{shots(asked(question))}\n```")
    assert by_model(story) == 10


def test_the_cap_ends_the_spending(host):
    # The least cap there is; a question with so long a theme is more than that.
    story, notes, server = told(host, good, cap=1000, wishes=make.Wishes(person="{PERSON}", theme="a courier, " * 600))
    assert (
        by_model(story) == 0
        and server.calls == 0
        and any("the cap of 1000 tokens is reached" in note for note in notes)
    )


def test_quotes_and_blocked_content_do_not_get_through(host):
    def reply(question, call):
        numbers = asked(question)
        data = json.loads(shots(numbers))
        for shot in data["shots"]:
            if shot["number"] == 1:
                shot["narrative"] = "a nude figure on a bridge"
            else:
                shot["narrative"] = f"Walk with me over the river tonight, lanterns {shot['number']}"
        return json.dumps(data)

    story, notes, _ = told(host, reply)
    assert by_model(story) == 9 and "1 of 10 shots are told by the offline storyteller." in notes
    sung = next(shot for shot in story.shots if shot.lyric)
    assert "over the river" not in sung.prompt and "lanterns" in sung.prompt


def test_the_script_chain_asks_for_scenes_then_shots_then_five_keywords(host):
    def reply(question, call):
        if "Write exactly 2 scenes" in question:
            return json.dumps({"scenes": ["A courier leaves a tower.", "The courier reaches the sea."]})
        if question.startswith("Five visual"):
            return json.dumps({"keywords": ["neon", "haze", "chrome", "rain", "blue", "six"]})
        return shots(asked(question))

    story, notes, server = told(host, reply, wishes=make.Wishes(mode="chain", person="{PERSON}", theme="a courier"))
    assert server.calls == 3 and notes == () and by_model(story) == len(story.shots)
    assert "[scene: The courier reaches the sea.]" in server.questions[2]["messages"][1]["content"]
    assert story.shots[0].prompt.endswith("film still, neon, haze, chrome, rain, blue")


def test_neither_name_nor_key_leaves_the_machine_or_enters_the_story(host):
    story, _, server = told(host, good)
    sent = json.dumps(server.questions)
    assert KEY not in sent and "{PERSON}" in sent and "{PERSON}" in story.to_text()
    assert KEY not in repr(client.LlmSettings(KEY, "http://secret", "m"))
    for path in host.root.rglob("*"):
        if path.is_file():
            assert KEY not in path.read_text("utf-8", errors="ignore"), path.name


def test_settings_come_from_environment_or_private_file_only(host, monkeypatch):
    for name in ("SONGREEL_LLM_KEY", "SONGREEL_LLM_BASE_URL", "SONGREEL_LLM_MODEL", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match="There is no language model: set SONGREEL_LLM_KEY"):
        client.settings_of(host)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert (client.settings_of(host).key, client.settings_of(host).base_url) == (KEY, "https://api.openai.com/v1")
    monkeypatch.setenv("SONGREEL_LLM_BASE_URL", "http://127.0.0.1:1/v1")
    # OpenAI's key is not sent to another address.
    assert client.settings_of(host).key == "none"
    secrets = host.private_dir() / "secrets.json"
    secrets.write_text(json.dumps({"SONGREEL_LLM_KEY": "own", "SONGREEL_LLM_MODEL": "llama"}))
    secrets.chmod(0o600)
    assert (client.settings_of(host).key, client.settings_of(host).model) == ("own", "llama")
    secrets.chmod(0o644)
    with pytest.raises(InputError, match="chmod 600"):
        client.settings_of(host)


def test_no_widget_of_a_story_node_is_a_secret():
    import ast
    from pathlib import Path

    from songreel.nodes.base.settings import declared
    from songreel.nodes.story import settings as story_settings

    source = Path(ROOT / "nodes" / "story" / "node.py").read_text("utf-8")
    names = {
        node.args[0].value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "Input"
        and node.args
    }
    for cls in (story_settings.Wishes, story_settings.ShotChange, story_settings.TimelineSettings):
        names |= {known.input for known in declared(cls).values()}
    assert "token_cap" in names
    assert not [name for name in names if any(word in name for word in ("key", "url", "secret", "address"))]
