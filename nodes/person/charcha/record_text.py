"""A record in words."""

from __future__ import annotations

import time

from .store import FULL, IdentityRecord


def report_of(record: IdentityRecord) -> str:
    """What was checked, for people. Nothing in it describes the face."""
    scores, light = record.scores, record.scores.get("light")
    checked = {
        "passed": f"passed (fit {light['fit']:.2f})" if light else "",
        "inconclusive": "inconclusive: the room may be too bright",
    }.get(light["verdict"] if light else "", "left out")
    assurance = "full" if record.assurance == FULL else "reduced: a recording behind a virtual camera is not excluded"
    return "\n".join(
        (
            f"identity {record.token} ({record.class_word}), record {record.id}",
            f"captured {_day(record.created)}, valid until {_day(record.expires)}, consent {record.consent}",
            f"assurance {assurance}",
            f"movements {', '.join(scores['actions'])}; tries besides the first: {scores['retries']}",
            f"light check {checked}; depth {scores['depth']:.2f}; "
            f"largest distance between pictures {scores['same_person_largest_distance']:.2f}; "
            + ("no passive model" if scores.get("passive") is None else f"passive model {scores['passive']:.2f}"),
        )
    )


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))
