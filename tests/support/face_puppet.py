"""A three-dimensional subject for the capture's tests: scikit-image's astronaut as a puppet.

Her portrait is in the public domain. Its 468 face landmarks give the geometry, the portrait the skin. Head pose,
expression, place, room light and the light of the screen are free; the camera adds noise, exposure drift and JPEG.
No other person's picture is used. `Puppet(person=...)` changes face proportions and colouring for another person.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

WIDTH, HEIGHT = 640, 480
FOCAL = 620.0  # pixels: a laptop camera of 55 degrees
EYE_DISTANCE = 6.3  # cm between the outer thirds of the eyes, which sets the scale
PIVOT = np.array([0.0, 9.0, 9.0])  # cm from the nose to where the head turns
OVAL = [10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149]
OVAL += [150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109]
INNER_LIPS = [78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95]
UPPER_INNER, LOWER_INNER = INNER_LIPS[1:10], INNER_LIPS[11:]
UPPER_OUTER = [185, 40, 39, 37, 0, 267, 269, 270, 409]
LOWER_OUTER = [375, 321, 405, 314, 17, 84, 181, 91, 146]
CORNERS = [61, 291, 76, 306, 62, 292, 78, 308]
# Two rings of each lip between its outer and inner edge: how much of the inner edge's move they take.
UPPER_RINGS = (([184, 74, 73, 72, 11, 302, 303, 304, 408], 0.9), ([183, 42, 41, 38, 12, 268, 271, 272, 407], 0.97))
LOWER_RINGS = (([307, 320, 404, 315, 16, 85, 180, 90, 77], 0.9), ([325, 319, 403, 316, 15, 86, 179, 89, 96], 0.97))
EYES = ([33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7],)
EYES += ([263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249],)
BROW_SHAPES = ([70, 63, 105, 66, 107, 55, 65, 52, 53, 46], [300, 293, 334, 296, 336, 285, 295, 282, 283, 276])
LIPS = [61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146]
UPPER_LIDS = ([246, 161, 160, 159, 158, 157, 173], [466, 388, 387, 386, 385, 384, 398])
LOWER_LIDS = ([7, 163, 144, 145, 153, 154, 155], [249, 390, 373, 374, 380, 381, 382])
BROWS = [70, 63, 105, 66, 107, 336, 296, 334, 293, 300, 46, 53, 52, 65, 55, 285, 295, 282, 283, 276]
PERSONS = ("first", "second")  # the second has painted skin, eyes and brows, and other proportions


@dataclass(frozen=True)
class Pose:
    """What the subject does. Angles in degrees; yaw > 0 towards the subject's left, pitch > 0 up; cm; 0..1."""

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    x: float = 0.0
    y: float = 0.0
    distance: float = 42.0
    jaw: float = 0.0
    smile: float = 0.0
    squint: float = 0.0
    blink: float = 0.0


@dataclass(frozen=True)
class Room:
    """Light on the face, in units of the screen's white: the room's own, and how much the screen adds."""

    name: str
    ambient: float
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    noise: float = 2.0
    drift: float = 0.03


ROOMS = {
    "evening": Room("evening", 0.8, (1.1, 1.0, 0.8), 3.5, 0.04),
    "living": Room("living", 2.2, (1.04, 1.0, 0.92), 2.5, 0.04),
    "office": Room("office", 4.0, (0.97, 1.0, 1.03), 1.8, 0.03),
    "window": Room("window", 30.0, (0.96, 1.0, 1.05), 1.2, 0.06),
}


@lru_cache(maxsize=1)
def astronaut() -> tuple[np.ndarray, np.ndarray]:
    """The portrait, uint8 (512, 512, 3), and how far each pixel belongs to the person, float32 in 0..1."""
    import cv2
    from skimage import data

    picture = np.ascontiguousarray(data.astronaut())
    mask = np.full(picture.shape[:2], cv2.GC_PR_FGD, np.uint8)
    for rows, columns in ((slice(None), slice(0, 40)), (slice(0, 60), slice(0, 100)), (slice(0, 300), slice(330, 512))):
        mask[rows, columns] = cv2.GC_BGD
    mask[250:340, 420:] = cv2.GC_BGD
    mask[40:140, 190:260] = cv2.GC_FGD
    mask[340:, 120:380] = cv2.GC_FGD
    cv2.grabCut(picture, mask, None, np.zeros((1, 65)), np.zeros((1, 65)), 4, cv2.GC_INIT_WITH_MASK)
    person = ((mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)).astype(np.float32)
    return picture, cv2.GaussianBlur(cv2.erode(person, np.ones((3, 3))), (5, 5), 0)


@lru_cache(maxsize=1)
def portrait_face():
    """The portrait's landmarks as our landmarker sees them."""
    from songreel.nodes.person.face.landmarks import load_landmarker

    picture, _ = astronaut()
    return load_landmarker([]).detect(picture)[0]


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Camera axes (x right, y down, z away): yaw > 0 turns the face to the picture's right, pitch > 0 up."""
    a, b, c = np.radians([yaw, pitch, roll])
    turn = np.array([[math.cos(a), 0, -math.sin(a)], [0, 1, 0], [math.sin(a), 0, math.cos(a)]])
    nod = np.array([[1, 0, 0], [0, math.cos(b), math.sin(b)], [0, -math.sin(b), math.cos(b)]])
    tilt = np.array([[math.cos(c), -math.sin(c), 0], [math.sin(c), math.cos(c), 0], [0, 0, 1]])
    return turn @ nod @ tilt


def _spread(points: np.ndarray, moves: dict[int, np.ndarray], radius: float) -> np.ndarray:
    """The displacement of every point, cm (n, 3), when some are moved and skin in `radius` cm follows."""
    where = np.array(list(moves))
    distance = np.linalg.norm(points[:, None, :2] - points[None, where, :2], axis=2)
    weight = np.exp(-((distance / radius) ** 2))
    share = weight / np.maximum(weight.sum(1, keepdims=True), 1e-9)
    result = (share @ np.array(list(moves.values()))) * weight.max(1, keepdims=True)
    result[where] = np.array(list(moves.values()))
    return result


def painted(albedo: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """A face of nobody on the portrait's outline: skin, brows, eyes and lips painted over. Values 0..1."""
    import cv2

    def polygon(indices, grow=1.0, dy=0.0):
        points = uv[indices]
        centre = points.mean(0)
        return np.round(((points - centre) * grow + centre + [0, dy]) * 16).astype(np.int32)

    canvas = albedo.copy()
    random = np.random.default_rng(5)
    grain = cv2.GaussianBlur(random.standard_normal((512, 512, 1)).astype(np.float32), (0, 0), 1.5)[..., None]
    skin = np.array([0.74, 0.60, 0.53], np.float32) + 0.08 * grain
    cover = np.zeros((512, 512), np.float32)
    cv2.fillPoly(cover, [polygon(OVAL, 1.02)], 1.0, shift=4)
    cover = cv2.GaussianBlur(cover, (0, 0), 2)[..., None]
    luma = cv2.GaussianBlur(albedo.mean(2), (0, 0), 2.0)[..., None]
    canvas = canvas * (1 - cover) + cover * skin * (0.55 + 0.6 * luma)
    for shape in EYES:
        cv2.fillPoly(canvas, [polygon(shape, 1.25)], (0.3, 0.2, 0.15), cv2.LINE_AA, 4)
        cv2.fillPoly(canvas, [polygon(shape, 1.0)], (0.85, 0.83, 0.8), cv2.LINE_AA, 4)
        centre = np.round(uv[shape].mean(0) * 16).astype(int)
        cv2.circle(canvas, tuple(int(v) for v in centre), 34, (0.16, 0.08, 0.05), -1, cv2.LINE_AA, 4)
    for shape in BROW_SHAPES:
        cv2.fillPoly(canvas, [polygon(shape, 1.15, -1)], (0.08, 0.06, 0.05), cv2.LINE_AA, 4)
    beard = np.zeros((512, 512), np.float32)
    cv2.fillPoly(
        beard,
        [polygon([132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 291, 61])],
        1.0,
        shift=4,
    )
    beard = cv2.GaussianBlur(beard, (0, 0), 2)[..., None] * 0.75
    canvas = canvas * (1 - beard) + beard * np.array([0.40, 0.34, 0.30], np.float32)
    cv2.fillPoly(canvas, [polygon(LIPS, 1.12)], (0.62, 0.38, 0.36), cv2.LINE_AA, 4)
    inner = polygon(INNER_LIPS)
    mouth = np.zeros((512, 512), np.float32)
    cv2.fillPoly(mouth, [inner], 1.0, shift=4)
    canvas = canvas * (1 - mouth[..., None]) + albedo * mouth[..., None]
    return np.clip(canvas, 0, 1).astype(np.float32)


class Puppet:
    """Geometry, skin and expressions; `draw` gives a picture and `camera` a JPEG as a webcam would."""

    def __init__(self, person: str = "first", seed: int = 0):
        from scipy.spatial import Delaunay

        picture, alpha = astronaut()
        face = portrait_face()
        uv = face.points[:468, :2].astype(np.float64)
        scale = EYE_DISTANCE / np.linalg.norm(uv[159] - uv[386])
        centre = uv[4].copy()
        points = (face.points[:468].astype(np.float64) - [*centre, face.points[4, 2]]) * scale
        # The portrait looks up and to a side a little; the puppet at rest looks straight ahead.
        rest = rotation(*self._portrait_angles(face)).T
        front = points @ rest.T

        angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
        ring = np.column_stack([np.cos(angle), np.sin(angle)])
        middle = np.array([0.0, -2.5])
        rings = []
        for radius, depth, weight in (((9.3, 11.0), 7.0, 1.0), ((11.5, 14.5), 9.0, 0.55), ((16.0, 20.0), 9.0, 0.0)):
            flat = middle + ring * radius
            flat[:, 1] = np.where(flat[:, 1] > 0, flat[:, 1] * 0.95, flat[:, 1])
            low = np.clip((flat[:, 1] - 6.0) / 6.0, 0, 1)
            rings.append((np.column_stack([flat, np.full(48, depth)]), weight * (1 - low)))
        grid = np.array([(x, y) for x in np.linspace(0, 511, 9) for y in np.linspace(0, 511, 9)])
        flat = (grid - centre) * scale
        far = ((flat - middle) / (16.5, 20.5)) ** 2
        keep = far.sum(1) > 1
        rings.append((np.column_stack([flat[keep], np.full(keep.sum(), 9.0)]), np.zeros(keep.sum())))
        self.points = np.concatenate([front, *(entry[0] for entry in rings)])
        self.weight = np.concatenate([np.ones(468), *(entry[1] for entry in rings)])
        outer = np.concatenate([entry[0][:, :2] for entry in rings])
        self.uv = np.concatenate([uv, outer / scale + centre])
        mesh = Delaunay(np.concatenate([points[:, :2], outer])).simplices
        inside = np.isin(mesh, INNER_LIPS).all(1)
        self.triangles, self.mouth = mesh, inside
        albedo = (picture / 255.0).astype(np.float32)
        if person == "second":
            self._other_proportions()
            albedo = painted(albedo, uv)
        self.skin = np.concatenate([albedo**2.2, alpha[..., None]], 2)
        self._shapes = self._expressions()
        random = np.random.default_rng(seed)
        self._random = random
        self._gain = self._noise = None
        self._wall = self._make_wall(random)
        self._normals()

    def _other_proportions(self) -> None:
        p = self.points[:468]
        low = np.clip((p[:, 1] + 1) / 6, 0, 1)
        p[:, 0] *= 1.02 + 0.16 * low
        p[:, 1] *= np.where(p[:, 1] > 0, 1.12, 1.0)
        nose = np.exp(-(p[:, 0] ** 2) / 2.5 - (p[:, 1] ** 2) / 6)
        p[:, 0] *= 1 + 0.45 * nose
        p[:, 2] -= 0.5 * nose

    @staticmethod
    def _portrait_angles(face) -> tuple[float, float, float]:
        return face.yaw, face.pitch, 0.0

    @staticmethod
    def _make_wall(random) -> np.ndarray:
        import cv2

        rough = cv2.resize(
            random.random((12, 16, 3)).astype(np.float32), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC
        )
        return 0.18 + 0.12 * rough

    def _expressions(self) -> dict[str, np.ndarray]:
        p = self.points[:468]
        shapes = {}
        middle = {
            index: (p[upper] + p[lower]) / 2
            for upper, lower in zip(UPPER_INNER, LOWER_INNER[::-1], strict=True)
            for index in (upper, lower)
        }
        rest = {index: (middle[index] - p[index]) * [1, 0.93, 1] for index in middle}
        for inner, rings in ((UPPER_INNER, UPPER_RINGS), (LOWER_INNER, LOWER_RINGS)):
            outer = UPPER_OUTER if inner is UPPER_INNER else LOWER_OUTER
            for ring, share in ((outer, 0.75), *rings):
                for index, edge in zip(ring, inner, strict=True):
                    rest[index] = rest[edge] * share
        # The portrait smiles; at rest the corners come in and down.
        for index in list(rest) + CORNERS:
            rest[index] = rest.get(index, np.zeros(3)) + np.array([-0.23 * p[index, 0], 0.0, 0.0])
        for index in CORNERS:
            rest[index] = rest[index] + [0, 0.42, -0.1]
        shapes["rest"] = _spread(p, rest, 1.3)
        jaw = {}
        lower = (
            LOWER_INNER
            + LOWER_OUTER
            + LOWER_RINGS[0][0]
            + LOWER_RINGS[1][0]
            + [152, 148, 377, 176, 400, 149, 378, 150, 379, 18, 200, 199, 175, 17]
        )
        hinge_y, hinge_z = p[234, 1] + 1.0, p[234, 2]
        for index in lower:
            y, z = p[index, 1] - hinge_y, p[index, 2] - hinge_z
            a = math.radians(25)
            jaw[index] = np.array([0, y * math.cos(a) - z * math.sin(a) - y, y * math.sin(a) + z * math.cos(a) - z])
        for index in UPPER_INNER + UPPER_OUTER + UPPER_RINGS[0][0] + UPPER_RINGS[1][0] + [4, 1, 2, 205, 425, 50, 280]:
            jaw[index] = np.array([0, -0.05, 0.0])
        for index in CORNERS:
            jaw[index] = np.array([-0.05 * p[index, 0], 0.75, 0.1])
        shapes["jaw"] = _spread(p, jaw, 1.6)
        squint, blink = {}, {}
        for upper, lower in zip(UPPER_LIDS, LOWER_LIDS, strict=True):
            for above, below in zip(upper, lower, strict=True):
                gap = p[below] - p[above]
                squint[above], squint[below] = gap * 0.22, -gap * 0.40
                blink[above], blink[below] = gap * 0.85, -gap * 0.08
        for index in BROWS:
            squint[index] = np.array([0, 0.32, 0.0])
            blink[index] = np.zeros(3)
        for index in (50, 280, 205, 425, 117, 346, 118, 347):
            squint[index] = np.array([0, -0.25, -0.05])
        shapes["squint"] = _spread(p, squint, 0.5)
        shapes["blink"] = _spread(p, blink, 0.35)
        return shapes

    def _normals(self) -> None:
        corners = self.points[self.triangles]
        face = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        face *= np.where(face[:, 2:] > 0, -1, 1)
        normals = np.zeros_like(self.points)
        for corner in range(3):
            np.add.at(normals, self.triangles[:, corner], face)
        self.normals = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)

    def place(self, pose: Pose) -> tuple[np.ndarray, np.ndarray]:
        """The vertices before the camera, cm (n, 3), and their normals."""
        points = self.points.copy()
        moved = (1 - pose.smile) * self._shapes["rest"] + pose.jaw * self._shapes["jaw"]
        moved = moved + pose.squint * self._shapes["squint"] + pose.blink * self._shapes["blink"]
        points[:468] += moved
        turn = rotation(pose.yaw, pose.pitch, pose.roll)
        turned = (points - PIVOT) @ turn.T + PIVOT
        points += self.weight[:, None] * (turned - points)
        normals = self.normals @ turn.T
        return points + [pose.x, pose.y - 1.5, pose.distance], normals

    def project(self, pose: Pose) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        points, normals = self.place(pose)
        flat = points[:, :2] / points[:, 2:] * FOCAL + [WIDTH / 2, HEIGHT / 2]
        return flat, points[:, 2], normals

    def draw(
        self, pose: Pose, room: Room = ROOMS["office"], screen=(1.0, 1.0, 1.0), *, light: bool = True
    ) -> np.ndarray:
        """A linear picture before the camera's own processing: float32 (480, 640, 3).

        screen: the screen's colour, linear 0..1. light: whether the subject answers to it.
        """
        flat, depth, normals = self.project(pose)
        shade = np.clip(-normals[:, 2], 0.15, 1.0)
        near = (42.0 / pose.distance) ** 2
        source, person, amount = self._warp(flat, depth, shade, 1.0 - np.clip(pose.jaw * 2.5, 0, 0.85))
        lamp = room.ambient * np.array(room.tint, np.float32) * (0.75 + 0.25 * amount)
        front = np.array(screen, np.float32) if light else np.float32(0.7)
        lamp = lamp + front * near * amount
        wall = self._wall * (room.ambient * np.array(room.tint, np.float32))
        if light:
            wall = wall + self._wall * np.array(screen, np.float32) * 0.08
        return source * lamp * person + wall * (1 - person)

    def _warp(self, flat, depth, shade, interior):
        import cv2

        corners = flat[self.triangles]
        order = np.argsort(-depth[self.triangles].mean(1))
        identity = np.zeros((HEIGHT, WIDTH), np.int32)
        fixed = np.round(corners * 16).astype(np.int32)
        for number in order.tolist():
            cv2.fillConvexPoly(identity, fixed[number], number + 1, lineType=8, shift=4)
        values = np.column_stack([self.uv, shade])[self.triangles]
        matrices = np.concatenate([corners, np.ones((len(corners), 3, 1))], 2)
        bad = np.abs(np.linalg.det(matrices)) < 1e-6
        matrices[bad] = np.eye(3)
        plane = np.linalg.solve(matrices, values)
        plane = np.concatenate([np.zeros((1, 3, 3)), plane]).astype(np.float32)
        ys, xs = np.nonzero(identity)
        which = identity[ys, xs]
        chosen = plane[which]
        result = chosen[:, 0] * xs[:, None] + chosen[:, 1] * ys[:, None] + chosen[:, 2]
        maps = np.full((HEIGHT, WIDTH, 3), -10, np.float32)
        maps[ys, xs] = result
        source = cv2.remap(self.skin, maps[..., 0], maps[..., 1], cv2.INTER_LINEAR, borderValue=(0, 0, 0, 0))
        dark = np.concatenate([[False], self.mouth])[identity]
        colour = source[..., :3].copy()
        colour[dark] *= interior
        person = source[..., 3:] * (identity > 0)[..., None]
        return colour, person, np.clip(maps[..., 2:], 0, 1)

    def grain(self) -> np.ndarray:
        """Sensor noise: one field, shifted and turned at random, which is quicker than a new one."""
        if self._noise is None:
            self._noise = self._random.standard_normal((HEIGHT, WIDTH, 3), dtype=np.float32)
        shift = self._random.integers(0, (HEIGHT, WIDTH))
        flips = (slice(None, None, self._random.choice([-1, 1])), slice(None, None, self._random.choice([-1, 1])))
        return np.roll(self._noise, shift, (0, 1))[flips]

    def camera(self, linear: np.ndarray, room: Room, *, time: float = 0.0, quality: int = 85) -> bytes:
        """The picture as a webcam gives it: slow exposure control, sensor noise, gamma, JPEG."""
        from PIL import Image

        target = 0.18 / max(float(linear.mean()), 1e-6)
        self._gain = target if self._gain is None else self._gain + 0.08 * (target - self._gain)
        drift = 1 + room.drift * math.sin(2 * math.pi * time / 17)
        picture = np.clip(linear * (self._gain * drift), 0, 1) ** (1 / 2.2) * 255
        picture = picture + self.grain() * room.noise
        out = io.BytesIO()
        Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).save(out, "JPEG", quality=quality)
        return out.getvalue()


POSES = [Pose(), Pose(yaw=22), Pose(yaw=-22), Pose(pitch=15), Pose(jaw=1.0), Pose(smile=1.0), Pose(distance=60)]


def drawn(puppet, pose=None):
    """A frame of the synthetic subject, uint8 RGB (480, 640, 3)."""
    import cv2

    data = puppet.camera(puppet.draw(pose or Pose()), ROOMS["living"])
    return np.ascontiguousarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1])
