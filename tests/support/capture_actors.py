"""Who sits before the camera in the capture's tests: the genuine subject, and the attackers.

An actor hears the server's messages and gives JPEG frames; `perform` runs one against a session at any speed.
"""

from __future__ import annotations

import io
import math
from dataclasses import replace

import numpy as np

from songreel.nodes.person.charcha.actions import LAST, POOL
from support.face_puppet import FOCAL, HEIGHT, ROOMS, WIDTH, Pose, Puppet, astronaut, rotation

PERIOD = 0.125  # seconds between frames
SCREEN_DELAY = 0.12  # from the message to light on the face to the frame that has it
LIMIT = 200.0


class Clock:
    """Time that moves when told to."""

    def __init__(self, now: float = 1000.0):
        self.now = now

    def __call__(self) -> float:
        return self.now


def linear(colour: str) -> np.ndarray:
    return np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]) ** 2.2


def jpeg(picture: np.ndarray, quality: int = 85) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(picture).save(out, "JPEG", quality=quality)
    return out.getvalue()


class Actor:
    """The genuine subject: does what is asked after a human delay, and its skin answers the light."""

    answers_light = True
    person = "first"

    def __init__(self, seed: int = 0, room: str = "office"):
        self.random = np.random.default_rng(seed)
        self.room = ROOMS[room]
        self.puppet = self.make_puppet(self.person, seed)
        self.pose = self.goal = Pose(x=self.random.uniform(-1.5, 1.5), y=self.random.uniform(-0.5, 0.5))
        self.home = self.pose
        self.pending: tuple[float, Pose] | None = None
        self.colours: list[tuple[float, str]] = [(0.0, "#ffffff")]
        self.last, self.blink_at = None, self.random.uniform(1, 4)
        self.phases = self.random.uniform(0, 2 * math.pi, 6)
        self.asked: list[str] = []

    @staticmethod
    def make_puppet(person: str, seed: int) -> Puppet:
        return Puppet(person, seed)

    def movement(self, action: str) -> Pose:
        """The pose of an action, with the spread of people."""
        u, home = self.random.uniform, self.home
        return {
            "turn_left": lambda: replace(home, yaw=u(20, 30)),
            "turn_right": lambda: replace(home, yaw=-u(20, 30)),
            "look_up": lambda: replace(home, pitch=u(14, 20)),
            "look_down": lambda: replace(home, pitch=-u(15, 21)),
            "open_mouth": lambda: replace(home, jaw=u(0.8, 1.1)),
            "smile": lambda: replace(home, smile=u(0.85, 1.0)),
            "squint": lambda: replace(home, squint=u(0.9, 1.15)),
            "stand_up": lambda: replace(home, distance=u(58, 64)),
        }[action]()

    def reaction(self) -> float:
        return self.random.uniform(0.45, 1.0)

    def hear(self, messages: list[dict], now: float) -> None:
        for message in messages:
            if message["type"] == "colour":
                self.colours.append((now, message["colour"]))
            elif message["type"] == "prompt" and message["phase"] == "action":
                self.asked.append(message["action"])
                self.pending = (now + self.reaction(), self.movement(self.choose(message["action"])))
            elif message["type"] == "prompt":
                if message["phase"] != "light":
                    self.colours.append((now, "#ffffff"))
                self.pending = (now + self.reaction() * 0.6, self.home)

    def choose(self, action: str) -> str:
        return action

    def screen(self, now: float) -> np.ndarray:
        return linear(next(c for at, c in reversed(self.colours) if at <= now - SCREEN_DELAY or at == 0.0))

    def live_pose(self, now: float) -> Pose:
        if self.pending is not None and now >= self.pending[0]:
            self.goal, self.pending = self.pending[1], None
        step = 0.0 if self.last is None else now - self.last
        self.last = now
        share = 1 - math.exp(-step / 0.22)
        fields = vars(self.pose)
        self.pose = Pose(**{name: value + share * (getattr(self.goal, name) - value) for name, value in fields.items()})
        if now % 1e9 > self.blink_at:
            self.blink_at = now + self.random.uniform(2, 6)
            blink = 1.0
        else:
            blink = 0.0
        s = [
            math.sin(now * rate + phase)
            for rate, phase in zip((0.9, 1.3, 0.7, 1.1, 0.5, 1.7), self.phases, strict=True)
        ]
        return replace(
            self.pose,
            yaw=self.pose.yaw + 1.0 * s[0] + 0.3 * s[5],
            pitch=self.pose.pitch + 0.8 * s[1],
            roll=self.pose.roll + 0.8 * s[2],
            x=self.pose.x + 0.25 * s[3],
            y=self.pose.y + 0.15 * s[4],
            blink=blink,
        )

    def frame(self, now: float) -> bytes:
        pose = self.live_pose(now)
        picture = self.puppet.draw(pose, self.room, self.screen(now), light=self.answers_light)
        return self.puppet.camera(picture, self.room, time=now)


class Warped(Actor):
    """A portrait animated by mesh warp that does what is asked, as a face swap behind a virtual camera would."""

    answers_light = False


class Adaptive(Warped):
    """The same, and its frames are tinted with the colour that the page shows."""

    def frame(self, now: float) -> bytes:
        picture = self.puppet.draw(self.live_pose(now), self.room, light=False)
        tint = 1 + (self.screen(now) - 0.5) * 0.35
        return self.puppet.camera(picture * tint.astype(np.float32), self.room, time=now)


class WrongOrder(Actor):
    """A live subject that does the seven actions in an order of its own."""

    def __init__(self, seed: int = 0, room: str = "office"):
        super().__init__(seed, room)
        self.order = list(
            self.random.permutation(
                ["turn_left", "turn_right", "look_up", "look_down", "open_mouth", "smile", "squint"]
            )
        )

    def choose(self, action: str) -> str:
        return self.order[(len(self.asked) - 1) % len(self.order)]


class Photo(Actor):
    """The portrait as a flat print before the camera; `still` or moved, turned and bent as asked."""

    still = True
    answers_light = False

    def __init__(self, seed: int = 0, room: str = "office"):
        super().__init__(seed, room)
        self.print, self.maps = self._portrait(), None

    @staticmethod
    def _portrait() -> np.ndarray:
        import cv2

        return cv2.resize(astronaut()[0][0:300, 60:400], None, fx=2.2, fy=2.2, interpolation=cv2.INTER_CUBIC)

    def frame(self, now: float) -> bytes:
        import cv2

        if self.maps is None or not self.still:
            pose = Pose(x=self.home.x, y=self.home.y) if self.still else self.live_pose(now)
            self.maps = self._see(pose, 0.0 if self.still else 0.5 * math.sin(now * 0.8))
        picture = cv2.remap(self.print, *self.maps, cv2.INTER_LINEAR, borderValue=(70, 75, 80)).astype(np.float32)
        picture += self.puppet.grain() * self.room.noise
        return jpeg(np.clip(picture, 0, 255).astype(np.uint8))

    def _see(self, pose: Pose, bend: float) -> tuple[np.ndarray, np.ndarray]:
        """Where each pixel lies in the print, for a print that is bent (radians) about its vertical axis and turned.

        A print must be turned twice as far as a head to look turned at all.
        """
        import cv2
        from scipy.interpolate import griddata

        height, width = self.print.shape[:2]
        xs, ys = np.meshgrid(np.linspace(-1, 1, 21), np.linspace(-1, 1, 15))
        half_width, half_height = 17.0 * width / height, 17.0
        if abs(bend) < 1e-3:
            x, z = xs * half_width, np.zeros_like(xs)
        else:
            radius = half_width / bend
            x, z = radius * np.sin(xs * bend), radius * (1 - np.cos(xs * bend))
        points = np.stack([x, ys * half_height, z], -1) @ rotation(2 * pose.yaw, 2 * pose.pitch, pose.roll).T
        points = points + [pose.x, pose.y + 1.5, pose.distance + 8]
        seen = points[..., :2] / points[..., 2:] * FOCAL + [WIDTH / 2, HEIGHT / 2]
        grid_y, grid_x = np.mgrid[0:HEIGHT:8, 0:WIDTH:8]
        places = np.stack([(xs + 1) / 2 * (width - 1), (ys + 1) / 2 * (height - 1)], -1).reshape(-1, 2)
        maps = griddata(seen.reshape(-1, 2), places, (grid_x, grid_y), fill_value=-1e4).astype(np.float32)
        size = (WIDTH, HEIGHT)
        return cv2.resize(maps[..., 0], size), cv2.resize(maps[..., 1], size)


class MovedPhoto(Photo):
    still = False


class TwoFaces(Actor):
    """A second face beside the first, from half a minute on."""

    def __init__(self, seed: int = 0, room: str = "office"):
        super().__init__(seed, room)
        self.begin = None

    def frame(self, now: float) -> bytes:
        import cv2

        self.begin = self.begin or now
        data = super().frame(now)
        if now - self.begin < 12:
            return data
        picture = cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
        other = cv2.resize(astronaut()[0][10:210, 120:330], None, fx=0.9, fy=0.9)
        picture[20 : 20 + other.shape[0], 10 : 10 + other.shape[1]] = other
        return jpeg(picture)


class Swapped(Actor):
    """Another person takes the place after a while, in the same pose."""

    def __init__(self, seed: int = 0, room: str = "office"):
        super().__init__(seed, room)
        self.other, self.begin = Puppet("second", seed), None
        self.after = self.random.uniform(15, 35)

    def frame(self, now: float) -> bytes:
        self.begin = self.begin or now
        if now - self.begin > self.after:
            self.puppet, self.other = self.other, self.puppet
            self.begin = float("inf")
        return super().frame(now)


class ChosenClips(Actor):
    """A real recording of somebody who turns and looks about, cut to each movement as it is asked.

    The recording is kept as poses and drawn when it is shown. It was lit by a white screen, so it answers to no colour.
    """

    answers_light = False

    def __init__(self, seed: int = 0, room: str = "office"):
        super().__init__(seed, room)
        self.clips = {key: self.recorded(key) for key in ("idle", *POOL, LAST)}
        self.clip, self.begun = self.clips["idle"], None
        self.switch: tuple[float, str] | None = None

    def recorded(self, key: str) -> list[Pose]:
        """Poses every `PERIOD`: two seconds of rest, the movement, rest again. Idle: two minutes of rest."""
        poses, start = [], 50.0 * self.random.uniform(1, 100)
        self.last, self.pending, self.pose, self.goal = None, None, self.home, self.home
        seconds = 120.0 if key == "idle" else 14.0
        for number in range(int(seconds / PERIOD)):
            now = start + number * PERIOD
            if key != "idle" and number == int(2.0 / PERIOD):
                self.pending = (now, self.movement(key))
            if key != "idle" and number == int(6.0 / PERIOD):
                self.pending = (now, self.home)
            poses.append(self.live_pose(now))
        return poses

    def hear(self, messages: list[dict], now: float) -> None:
        for message in messages:
            if message["type"] == "colour":
                self.colours.append((now, message["colour"]))
            elif message["type"] == "prompt" and message["phase"] == "action":
                self.asked.append(message["action"])
                self.switch = (now + 0.3, message["action"])

    def frame(self, now: float) -> bytes:
        self.begun = now if self.begun is None else self.begun
        if self.switch is not None and now >= self.switch[0]:
            # Cut in shortly before the movement begins.
            self.clip, self.begun, self.switch = self.clips[self.switch[1]], now - 1.4, None
        at = int((now - self.begun) / PERIOD)
        if at >= len(self.clip):
            self.clip, self.begun = self.clips["idle"], now - self.random.uniform(0, 60)
            at = int((now - self.begun) / PERIOD)
        pose = self.clip[at]
        picture = self.puppet.draw(pose, self.room, linear("#ffffff"), light=self.answers_light)
        return self.puppet.camera(self.tinted(picture, now), self.room, time=now)

    def tinted(self, picture: np.ndarray, now: float) -> np.ndarray:
        return picture


class TintedClips(ChosenClips):
    """The same, tinted by its player with the colours that the page shows."""

    def tinted(self, picture: np.ndarray, now: float) -> np.ndarray:
        return picture * (1 + (self.screen(now) - 0.5) * 0.35).astype(np.float32)


class Replay:
    """The frames of a session that was passed, posted again."""

    def __init__(self, frames: list[bytes], period: float = PERIOD):
        self.frames, self.count, self.period = frames, 0, period

    def hear(self, messages, now) -> None:
        pass

    def frame(self, now: float) -> bytes:
        self.count += 1
        return self.frames[min(self.count, len(self.frames)) - 1]


class ScreenReplay(Replay):
    """The same clip, shown on a bright screen that a hand holds before the camera: new noise, and the page's colours
    hardly show on it."""

    def __init__(self, frames: list[bytes], seed: int = 0):
        super().__init__(frames)
        self.random = np.random.default_rng(seed)
        self.colours: list[tuple[float, str]] = [(0.0, "#ffffff")]

    def hear(self, messages, now) -> None:
        self.colours += [(now, message["colour"]) for message in messages if message["type"] == "colour"]

    def frame(self, now: float) -> bytes:
        import cv2

        clip = cv2.cvtColor(
            cv2.imdecode(np.frombuffer(super().frame(now), np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB
        )
        corners = np.array([[0, 0], [WIDTH, 0], [WIDTH, HEIGHT], [0, HEIGHT]], np.float32)
        sway = [6 * math.sin(now * 0.9), 5 * math.sin(now * 1.3 + 1)]
        tilt = 10 * math.sin(now * 0.4) * np.array([[1, 0], [-1, 0], [-1, 0], [1, 0]])
        seen = (corners - corners.mean(0)) * 0.92 + corners.mean(0) + sway + tilt
        matrix = cv2.getPerspectiveTransform(corners, seen.astype(np.float32))
        picture = cv2.warpPerspective(clip, matrix, (WIDTH, HEIGHT), borderValue=(25, 25, 28)).astype(np.float32)
        colour = linear(next(c for at, c in reversed(self.colours) if at <= now - SCREEN_DELAY or at == 0.0))
        # A glossy screen gives back 4 % of what falls on it.
        lit = (picture / 255) ** 2.2 + 0.04 * 0.25 * colour.astype(np.float32)
        noise = self.random.standard_normal(picture.shape, dtype=np.float32) * 2
        return jpeg(np.clip(255 * lit ** (1 / 2.2) + noise, 0, 255).astype(np.uint8))


def perform(session, actor, clock: Clock, *, period: float = PERIOD, sequence=None, on_frame=None, jitter=0.02, seed=0):
    """Run a session to its end and return its outcome. sequence: number of frame i, where not i."""
    random = np.random.default_rng(seed)
    actor.hear(session.begin(), clock.now)
    begin, count = clock.now, 0
    while session.outcome is None and clock.now - begin < LIMIT:
        clock.now += max(period + random.uniform(-jitter, jitter), 0.001)
        data = actor.frame(clock.now)
        if on_frame is not None:
            on_frame(data)
        messages = session.frame(count if sequence is None else sequence(count), data, clock.now)
        actor.hear(messages, clock.now)
        count += 1
    return session.outcome
