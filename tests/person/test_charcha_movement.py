"""One movement judged frame by frame: too early, another one, held with gaps, the clearest frame kept."""

import numpy as np
import pytest

from songreel.nodes.person.charcha import actions, calibration, movement

Measures = actions.Measures
REST = Measures(yaw=1.0, pitch=-2.0)
PERIOD = 0.125


@pytest.fixture(autouse=True)
def measured(monkeypatch):
    """A face is its measures here."""
    of = staticmethod(lambda face: face)
    for module in (movement, calibration):
        monkeypatch.setattr(module, "Measures", type("Measures", (), {"of": of, "median": Measures.median}))
        monkeypatch.setattr(module.picture_quality, "sharpness", lambda picture, face: float(picture))
        monkeypatch.setattr(module.picture_quality, "light_share", lambda picture, face: 1.0)


def play(key, frames, hold=1.0):
    """The steps of a movement: frames are (measures, sharpness, complaint), the first one period after asking."""
    tried = movement.Movement(key, REST, now=0.0, hold=hold)
    steps = []
    for number, (face, sharp, complaint) in enumerate(frames, 1):
        steps.append(tried.add(sharp, face, complaint, number * PERIOD))
        if steps[-1].retry or steps[-1].shot:
            break
    return steps, tried


def turned(share):
    return Measures(yaw=REST.yaw + share * actions.YAW, pitch=REST.pitch)


class Posed(Measures):
    """Measures that calibration can ask for the head's roll."""

    roll = 0.0


STILL, LEFT = (REST, 8.0, None), (turned(1.2), 8.0, None)


def test_done_after_it_was_asked_and_held_it_keeps_the_clearest_frame():
    steps, tried = play("turn_left", [STILL] * 4 + [LEFT] * 3 + [(turned(1.3), 11.0, None)] + [LEFT] * 10)
    assert steps[-1].shot.quality == 11.0 and tried.reaction == pytest.approx(5 * PERIOD)
    assert [step.hold for step in steps[4:]] == pytest.approx([number * PERIOD for number in range(9)])
    assert steps[5].coach == "hold" and repr(steps[-1].shot) == "CapturedFrame(...)"


def test_before_anyone_can_have_read_the_prompt_it_is_too_early():
    steps, _ = play("turn_left", [LEFT] * 5)
    assert len(steps) == 1 and steps[0].retry == "too_early"


def test_another_movement_costs_the_try_after_three_frames():
    up = (Measures(yaw=REST.yaw, pitch=REST.pitch + 1.2 * actions.PITCH_UP), 8.0, None)
    steps, _ = play("turn_left", [STILL] * 3 + [up, up, STILL, up, up, up])
    assert len(steps) == 9 and steps[-1].retry == "not_asked"
    # Lips part in a smile: what belongs together is no disobedience.
    smile = (Measures(REST.yaw, REST.pitch, jaw=0.25, smile=0.5, lips=0.2), 8.0, None)
    steps, _ = play("smile", [STILL] * 3 + [smile] * 10)
    assert steps[-1].shot is not None


def test_time_runs_out():
    steps, _ = play("turn_left", [STILL] * 90)
    assert steps[-1].retry == "timeout" and len(steps) == 81


def test_a_hold_survives_two_frames_and_not_three():
    away, wavering = (turned(0.5), 8.0, None), (turned(0.7), 8.0, None)
    kept, _ = play("turn_left", [STILL] * 3 + [LEFT] * 4 + [away] * 2 + [LEFT] * 3)
    assert kept[-1].shot is not None
    lost, _ = play("turn_left", [STILL] * 3 + [LEFT] * 4 + [away] * 3 + [LEFT] * 8)
    assert lost[10].hold == 0.0 and lost[-1].shot is None
    assert lost[7].coach == "a little more to the left" and lost[7].strength == pytest.approx(0.5)
    # Faces are not still: what has reached its full strength may waver down to 60 % of it, and nothing begins there.
    held, _ = play("turn_left", [STILL] * 3 + [LEFT] + [wavering] * 9)
    assert held[-1].shot is not None
    never, tried = play("turn_left", [STILL] * 3 + [wavering] * 20)
    assert never[-1].shot is None and tried.reaction is None


def test_what_cannot_be_judged_is_coached_and_does_not_count():
    dark = (turned(1.2), 8.0, "dark")
    steps, _ = play("turn_left", [STILL] * 3 + [dark] * 12)
    assert {step.coach for step in steps[3:]} == {"dark"} and steps[-1].shot is None
    far = (turned(2.8), 8.0, None)
    steps, _ = play("turn_left", [STILL] * 3 + [far] * 12)
    assert steps[-1].coach == "back" and steps[-1].shot is None
    # Only the last movement may leave the usual distance.
    back = (Measures(REST.yaw, REST.pitch, size=70.0), 8.0, "closer")
    assert play("stand_up", [STILL] * 3 + [back] * 12)[0][-1].shot is not None
    assert play("turn_left", [STILL] * 3 + [(turned(1.2), 8.0, "closer")] * 12)[0][-1].shot is None


def test_a_blurred_hold_is_asked_for_again_and_a_blink_is_not_kept():
    blurred = (turned(1.2), 0.4, None)
    assert play("turn_left", [STILL] * 3 + [blurred] * 12)[0][-1].retry == "blurred"
    blink = (Measures(REST.yaw + 20, REST.pitch, blink=0.7), 9.0, None)
    steps, _ = play("turn_left", [STILL] * 3 + [blink] + [LEFT] * 12)
    assert steps[-1].shot.face.blink == 0.0


def test_calibration_wants_a_row_of_calm_neutral_frames():
    begun = calibration.Calibration()
    straight, crooked = Posed(yaw=1.0, pitch=2.0), Posed(yaw=20.0, pitch=2.0)
    for _ in range(calibration.FRAMES - 1):
        assert begun.add(5.0, straight, None)[0] == "still"
    assert begun.add(5.0, crooked, None) == ("straight", 0) and begun.rest is None
    for number in range(calibration.FRAMES):
        assert begun.rest is None
        begun.add(5.0 + (number == 6), straight, None)
    assert begun.rest.yaw == 1.0 and begun.shot.quality == 6.0
    restless = calibration.Calibration()
    for number in range(4 * calibration.FRAMES):
        restless.add(5.0, Posed(yaw=6.0 * (-1) ** number, pitch=0.0), None)
    assert restless.rest is None
    assert calibration.Calibration().add(np.float64(0.5), straight, None) == ("blurred", 0)
