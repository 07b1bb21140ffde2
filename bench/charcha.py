"""What the capture stops: genuine subjects and attackers through the full server, and the detectors on real traces.

    python bench/charcha.py [--genuine 100] [--first 60] [--rest 20] [--only NAME] [--processes 2] [--json OUT]
    python bench/charcha.py --report JSON ...      # the table of runs that were split with --only or --from-seed
    python bench/charcha.py --detectors TRACES     # folder of head pose and expression traces; synthetic subject
    python bench/charcha.py --light                # fit of unrelated colour sequences
    python bench/charcha.py --speed                # server time per frame, memory over many sessions
    python bench/charcha.py --sessions 4           # answers to captures at once, on two cores and the real clock

The subject and all attacks are synthetic, made from scikit-image's astronaut: the rates say what these attacks do to
this code, not what people meet. Clock and draw are injected, so it runs as fast as it computes. Intervals are
Clopper-Pearson, 95 %. Measured with the metrics of ISO/IEC 30107-3; no conformity is claimed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path

import repository  # noqa: F401

os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOMS = ("evening", "living", "office")
PERIOD = 0.2
# Species: (actor, how it is posted). The first three are played more often.
FIRST = ("photo", "moved_photo", "warped")
FIRST += ("chosen_clips", "tinted_clips")
REST = ("wrong_order", "replay", "screen_replay", "too_fast", "out_of_order", "two_faces", "swapped")
KNOWN = ("adaptive",)  # not stopped, and said so
CLIPS = ("replay", "screen_replay", "too_fast", "out_of_order")  # made of a passed capture's frames


def interval(hits: int, count: int) -> tuple[float, float]:
    """Clopper-Pearson, 95 %."""
    from scipy.stats import beta

    low = 0.0 if hits == 0 else float(beta.ppf(0.025, hits, count - hits + 1))
    high = 1.0 if hits == count else float(beta.ppf(0.975, hits + 1, count - hits))
    return low, high


def rate(hits: int, count: int) -> str:
    low, high = interval(hits, count)
    return f"{hits}/{count} ({low:.1%}-{high:.1%})"


@lru_cache(maxsize=1)
def recorded(seed: int) -> list[bytes]:
    """The frames of a capture that was passed."""
    from support import capture_actors as actors
    from support.capture_server import capture_server

    async def play(number: int) -> tuple[str, list[bytes]]:
        frames: list[bytes] = []
        with tempfile.TemporaryDirectory() as folder:
            async with capture_server(Path(folder), number + 5000) as server:
                actor = actors.Actor(number, ROOMS[number % len(ROOMS)])
                message, *_ = await server.attempt(actor, period=PERIOD, on_frame=frames.append)
        return message["type"], frames

    for number in range(seed, seed + 100_000, 10_000):
        ended, frames = asyncio.run(play(number))
        if ended == "result":
            return frames
    raise RuntimeError("no genuine capture is passed")


def challenge(name: str, seed: int) -> dict:
    """Play one capture; one that ends at the light check is played again with the colours left out, as its player may.

    Returns name, seed, passed, reason, assurance, seconds, retries, and how it ended without the colours.
    """
    result = attempt(name, seed, light=True)
    again = attempt(name, seed, light=False) if result["reason"] == "light" else result
    return result | {"passed_without": again["passed"], "reason_without": again["reason"]}


def attempt(name: str, seed: int, *, light: bool) -> dict:
    """One capture through a server of its own."""
    from support import capture_actors as actors
    from support.capture_server import capture_server

    kinds = {
        "genuine": actors.Actor,
        "photo": actors.Photo,
        "moved_photo": actors.MovedPhoto,
        "warped": actors.Warped,
        "wrong_order": actors.WrongOrder,
        "two_faces": actors.TwoFaces,
        "swapped": actors.Swapped,
        "adaptive": actors.Adaptive,
        "chosen_clips": actors.ChosenClips,
        "tinted_clips": actors.TintedClips,
    }
    room = ROOMS[seed % len(ROOMS)]
    clip = recorded(seed) if name in CLIPS else None

    async def play() -> dict:
        with tempfile.TemporaryDirectory() as folder:
            # A clip meets another draw than the one it was recorded at.
            async with capture_server(Path(folder), seed + (5000 if clip is None else 9000)) as server:
                options = {"period": PERIOD, "light": light}
                if name == "screen_replay":
                    actor = actors.ScreenReplay(clip, seed)
                elif clip is not None:
                    actor = actors.Replay(clip)
                else:
                    actor = kinds[name](seed, room)
                if name == "too_fast":
                    options |= {"period": 0.02, "jitter": 0.0}
                elif name == "out_of_order":
                    options["sequence"] = lambda count: count if count < 40 else count + 1
                message, _, seconds, frames_sent = await server.attempt(actor, **options)
                passed = message["type"] == "result"
                scores = server.store.load(message["record"], pictures=False).scores if passed else {}
        return {
            "name": name,
            "seed": seed,
            "room": room,
            "passed": passed,
            "reason": "passed" if passed else message["reason"],
            "assurance": message.get("assurance", ""),
            "seconds": round(seconds, 1),
            "frames": frames_sent,
            "retries": scores.get("retries"),
            "depth": scores.get("depth"),
            "fit": (scores.get("light") or {}).get("fit"),
        }

    return asyncio.run(play())


def play_all(plan: list[tuple[str, int]], processes: int, out: Path | None) -> list[dict]:
    """Results in the plan's order; what `out` holds of an earlier run is not played again."""
    results = json.loads(out.read_text("utf-8")) if out is not None and out.exists() else []
    done = {(entry["name"], entry["seed"]) for entry in results}
    plan = [entry for entry in plan if entry not in done]
    if not plan:
        return results
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for result in pool.map(challenge, *zip(*plan, strict=True)):
            results.append(result)
            if out is not None:
                out.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
            sys.stderr.write(f"{len(results)}/{len(plan) + len(done)} {result}\n")
    return results


def report(results: list[dict]) -> None:
    import statistics

    genuine = [entry for entry in results if entry["name"] == "genuine"]
    if genuine:
        full = sum(entry["assurance"] == "full" for entry in genuine)
        passed = [entry for entry in genuine if entry["passed"]]
        print(f"genuine (synthetic subject, {', '.join(ROOMS)}): full assurance {rate(full, len(genuine))},")
        print(f"  passed at all {rate(len(passed), len(genuine))}; BPCER {rate(len(genuine) - full, len(genuine))}")
        if passed:
            seconds = [entry["seconds"] for entry in passed]
            print(f"  seconds: median {statistics.median(seconds):.0f}, {min(seconds):.0f}-{max(seconds):.0f}")
            print(f"  retries: {sum(entry['retries'] for entry in passed)} in {len(passed)} captures")
        for reason in sorted({entry["reason"] for entry in genuine if not entry["passed"]}):
            print(f"  refused: {reason} {sum(entry['reason'] == reason for entry in genuine)}")
    print(f"{'attack':14} {'light required: APCER':28} {'light not required':28} stopped by; without the colours by")
    for name in (*FIRST, *REST, *KNOWN):
        mine = [entry for entry in results if entry["name"] == name]
        if not mine:
            continue
        full = sum(entry["assurance"] == "full" for entry in mine)
        passed = sum(entry["passed_without"] for entry in mine)
        stopped = _counts([entry["reason"] for entry in mine if not entry["passed"]])
        other = _counts([entry["reason_without"] for entry in mine if entry["reason"] == "light"])
        stopped = stopped or ("nothing" if full else "the light check only")
        print(f"{name:14} {rate(full, len(mine)):28} {rate(passed, len(mine)):28} {stopped}{other and f'; {other}'}")


def _counts(reasons: list[str]) -> str:
    return ", ".join(f"{reason} {reasons.count(reason)}" for reason in sorted(set(reasons)))


def detectors(folder: Path) -> None:
    """False and true detections per action on traces of real people, against each clip's quietest second and a half.

    Nobody in the traces was asked for anything. True ones: the action is laid over the real face's own unrest, at
    half, full, one and a quarter, one and a half times the strength that counts.
    """
    import numpy as np

    from songreel.nodes.person.charcha import actions

    hold = 1.4
    fields = {
        "turn_left": {"yaw": actions.YAW},
        "turn_right": {"yaw": -actions.YAW},
        "look_up": {"pitch": actions.PITCH_UP},
        "look_down": {"pitch": -actions.PITCH_DOWN},
        "open_mouth": {"jaw": actions.JAW},
        "smile": {"smile": actions.SMILE, "lips": actions.TEETH},
        "squint": {"squint": actions.SQUINT, "blink": 0.1},
    }
    strengths = (0.5, 1.0, 1.25, 1.5)
    false, seconds, clips = dict.fromkeys(actions.POOL, 0), 0.0, 0
    true = {(key, strength): [0, 0] for key in actions.POOL for strength in strengths}

    for path in sorted(folder.glob("*.json")):
        trace = json.loads(path.read_text("utf-8"))
        names, fps = trace["blendshape_names"], trace["fps"]
        frames = [frame for frame in trace["frames"] if frame["faces"] == 1]
        if len(frames) < 2 * fps:
            continue
        clips, seconds = clips + 1, seconds + len(frames) / fps
        measures = [
            actions.Measures.of_scores(
                frame["yaw"], frame["pitch"], dict(zip(names, frame["blendshapes"], strict=True))
            )
            for frame in frames
        ]
        table = np.array([(m.yaw / 16, m.pitch / 11, m.jaw / 0.22, m.smile / 0.3, m.squint / 0.16) for m in measures])
        window = int(1.5 * fps)
        starts = range(0, len(measures) - window, max(1, window // 4))
        quiet = min(starts, key=lambda start: table[start : start + window].std(0).sum(), default=0)
        rest = actions.Measures.median(measures[quiet : quiet + window])
        for key in actions.POOL:
            strength = actions.ACTIONS[key].strength
            false[key] += _longest([strength(entry, rest) for entry in measures]) >= hold * fps
            for amount in strengths:
                still = measures[quiet : quiet + window]
                moved = [_shifted(entry, fields[key], amount) for entry in still]
                true[key, amount][0] += _longest([strength(m, rest) for m in moved]) >= 0.9 * hold * fps
                true[key, amount][1] += 1
    print(f"{clips} clips, {seconds:.0f} s; a detection is {hold} s at full strength")
    print(f"{'action':12} {'clips with a false one':26} " + " ".join(f"true at {s:<17}" for s in strengths))
    for key in actions.POOL:
        row = " ".join(f"{rate(*true[key, s]):25}" for s in strengths)
        print(f"{key:12} {rate(false[key], clips):26} {row}")


def asked(tries: int = 24, hold: float = 1.4) -> None:
    """True detections, and other movements seen with them, of the synthetic subject; real MediaPipe."""
    import io

    import numpy as np
    from PIL import Image

    from songreel.nodes.person.charcha import actions as module
    from support import capture_actors as actors
    from support.capture_server import models

    landmarker = models()[0]

    def seen(actor, now: float):
        with Image.open(io.BytesIO(actor.frame(now))) as image:
            return module.Measures.of(landmarker.detect(np.asarray(image.convert("RGB")))[0])

    print(f"\nsynthetic subject, {tries} tries each in {', '.join(ROOMS)}: {hold} s at full strength within 3 s")
    print(f"{'action':12} {'done when asked':26} {'another seen with it':26} strength: median, least")
    for place, key in enumerate(module.ACTIONS):
        done, strayed, strengths = 0, 0, []
        for number in range(tries):
            actor, now = actors.Actor(2000 + 100 * place + number, ROOMS[number % len(ROOMS)]), 1000.0
            rest = []
            for _ in range(7):
                now += PERIOD
                rest.append(seen(actor, now))
            rest = module.Measures.median(rest)
            actor.pending = (now, actor.movement(key))
            marks, wrong = [], []
            for _ in range(int(3.0 / PERIOD)):
                now += PERIOD
                measures = seen(actor, now)
                strengths.append(module.ACTIONS[key].strength(measures, rest))
                marks.append(strengths[-1])
                wrong.append(strengths[-1] < 0.8 and bool(module.others(key, measures, rest)))
            done += _longest(marks) * PERIOD >= hold
            strayed += _longest(wrong) >= 3
        settled = np.array(strengths).reshape(tries, -1)[:, 8:]
        least = np.median(settled, axis=1).min()
        print(f"{key:12} {rate(done, tries):26} {rate(strayed, tries):26} {np.median(settled):.2f}, {least:.2f}")


def _longest(strengths) -> int:
    """The most frames in a row that hold a movement, as `movement.Movement` counts them."""
    from songreel.nodes.person.charcha.movement import HELD

    most = row = 0
    for value in strengths:
        row = row + 1 if value >= (HELD if row else 1.0) else 0
        most = max(most, row)
    return most


def _shifted(measures, fields: dict[str, float], amount: float):
    from dataclasses import replace

    return replace(measures, **{name: getattr(measures, name) + amount * full for name, full in fields.items()})


def light(count: int = 20_000) -> None:
    """How well faces fit that follow another random sequence than the one shown, or none."""
    import random

    import numpy as np

    from songreel.nodes.person.charcha import light as module

    source, noise = random.Random(0), np.random.default_rng(0)
    fits = []
    for _ in range(count):
        shown, other = ([], [])
        for sequence in (shown, other):
            time_ = 0.0
            for colour, seconds in module.draw_colours(source):
                sequence.append((time_, colour))
                time_ += seconds
        times = np.arange(0.1, time_, 0.125)
        lamp = np.array([module._linear_of(colour) for _, colour in other])
        which = np.searchsorted([start for start, _ in other], times, side="right") - 1
        colours = 0.2 + 0.05 * lamp[which] + 0.002 * noise.standard_normal((len(times), 3))
        fits.append(module.judge_light(times, colours, shown).fit)
    fits = np.array(fits)
    beyond = int((fits >= module.FOLLOWS).sum())
    print(f"{count} unrelated sequences: fit median {np.median(fits):.2f}, 99.9 % {np.quantile(fits, 0.999):.2f},")
    print(f"  largest {fits.max():.2f}; at or above {module.FOLLOWS}: {rate(beyond, count)}")


def speed(frames: int = 200, sessions: int = 500) -> None:
    """Server time of 640x480 frames in one thread, and resident memory over sessions that are abandoned midway."""
    import random
    import resource

    import numpy as np

    from songreel.nodes.person.charcha.session import CaptureSession
    from support import capture_actors as actors
    from support.capture_server import models

    landmarker, embedder, _ = models()
    clock, actor = actors.Clock(), actors.Actor(1, "living")
    running = CaptureSession(landmarker=landmarker, embedder=embedder, clock=clock, random=random.Random(1))
    actor.hear(running.begin(), clock.now)
    spent, kept = [], []
    for number in range(frames):
        clock.now += 0.125
        data = actor.frame(clock.now)
        kept.append(data)
        begin, busy = time.perf_counter(), time.process_time()
        messages = running.frame(number, data, clock.now)
        spent.append((1e3 * (time.perf_counter() - begin), 1e3 * (time.process_time() - busy)))
        actor.hear(messages, clock.now)
    for kind, column in zip(("on the clock", "of the processor"), zip(*spent, strict=True), strict=True):
        low, middle, high = np.percentile(column, (5, 50, 95))
        print(f"ms a frame {kind}: median {middle:.1f}, 5-95 % {low:.1f}-{high:.1f} ({frames} frames)")
    sizes = []
    for number in range(sessions):
        clock.now += 1000
        running = CaptureSession(landmarker=landmarker, embedder=embedder, clock=clock, random=random.Random(number))
        running.begin()
        for index, data in enumerate(kept[:6]):
            clock.now += 0.125
            running.frame(index, data, clock.now)
        running.close()
        sizes.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    print(f"peak memory after 50 sessions {sizes[min(49, sessions - 1)]:.0f} MB, after {sessions} {sizes[-1]:.0f} MB")


def together(sessions: int, seconds: float = 20.0, rate_: float = 8.0) -> None:
    """Time from sending a frame to its answer, over the websockets of captures at once, on two cores."""
    import random

    import numpy as np

    from support import capture_actors as actors
    from support.capture_server import capture_server

    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])

    def drawn(seed: int) -> list[bytes]:
        actor = actors.Actor(seed, ROOMS[seed % len(ROOMS)])
        return [actor.frame(1000 + number / rate_) for number in range(int(seconds * rate_))]

    async def one(server, frames: list[bytes]) -> list[float]:
        ticket, sent, waits = await server.ticket(light=False), {}, []
        async with server.client.ws_connect(server.url("watch"), headers=server.origin) as socket:
            await socket.send_json(ticket)
            await socket.receive_json()

            async def hear() -> None:
                while len(waits) < len(frames):
                    message = await socket.receive_json(timeout=60)
                    assert message["type"] != "failed", message
                    if message["type"] == "seen":
                        waits.append(1e3 * (time.monotonic() - sent[message["sequence"]]))

            hearing = asyncio.create_task(hear())
            begin = time.monotonic() + random.random() / rate_
            for number, data in enumerate(frames):
                await asyncio.sleep(max(0.0, begin + number / rate_ - time.monotonic()))
                sent[number] = time.monotonic()
                await socket.send_bytes(number.to_bytes(4, "big") + data)
            await hearing
        return waits

    async def play() -> None:
        clips = [drawn(seed) for seed in range(sessions)]
        with tempfile.TemporaryDirectory() as folder:
            async with capture_server(Path(folder)) as server:
                server.desk.clock = time.monotonic
                server.desk.models()
                for count in sorted({1, sessions}):
                    busy, begin = time.process_time(), time.monotonic()
                    waits = np.concatenate(await asyncio.gather(*(one(server, clip) for clip in clips[:count])))
                    share = (time.process_time() - busy) / (time.monotonic() - begin)
                    low, middle, high, most = np.percentile(waits, (5, 50, 95, 99))
                    print(f"{count} at once, {rate_:g} frames/s each, {len(waits)} frames, {share:.2f} cores busy:")
                    print(f"  ms to the answer: median {middle:.0f}, 5-95 % {low:.0f}-{high:.0f}, 99 % {most:.0f},")
                    print(f"  longest {waits.max():.0f}; over {1e3 / rate_:.0f} ms {(waits > 1e3 / rate_).mean():.1%}")

    asyncio.run(play())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--genuine", type=int, default=100)
    parser.add_argument("--first", type=int, default=60, help=f"challenges each for {', '.join(FIRST)}")
    parser.add_argument("--rest", type=int, default=20, help="challenges for each other attack")
    parser.add_argument("--only", help="one species")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--from-seed", type=int, default=0, help="where to go on, to split a run")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--report", type=Path, nargs="+", metavar="JSON", help="the table of runs that were split")
    parser.add_argument("--detectors", type=Path, metavar="TRACES")
    parser.add_argument("--light", action="store_true")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--sessions", type=int, metavar="N", help="captures at once")
    args = parser.parse_args()
    import conftest  # noqa: F401

    if args.detectors:
        detectors(args.detectors)
        return asked()
    if args.light:
        return light()
    if args.speed:
        return speed()
    if args.sessions:
        return together(args.sessions)
    if args.report:
        return report([entry for path in args.report for entry in json.loads(path.read_text("utf-8"))])
    plan = [("genuine", seed) for seed in range(args.genuine)]
    plan += [(name, seed) for seed in range(args.first) for name in FIRST]
    plan += [(name, seed) for seed in range(args.rest) for name in (*REST, *KNOWN)]
    # Mixed, so that what an interrupted run has is of every kind.
    plan.sort(key=lambda entry: entry[1])
    plan = [entry for entry in plan if args.only in (None, entry[0]) and entry[1] >= args.from_seed]
    report(play_all(plan, args.processes, args.json))


if __name__ == "__main__":
    main()
