"""JSON from a stranger: what Python's reader cannot hold ends in one sentence."""

from __future__ import annotations

import json
from typing import Any

from .errors import InputError


def load_json(text: str, what: str, **options: Any) -> Any:
    """`json.loads` of a text that `what` names in messages.

    Raises
    ------
    json.JSONDecodeError
        When it is no JSON; the caller knows what to say.
    InputError
        When it is nested too deeply, or a number in it has thousands of digits.
    """
    try:
        return json.loads(text, **options)
    except json.JSONDecodeError:
        raise
    except RecursionError:
        raise InputError(f"{what}: the JSON is nested too deeply; make it flatter.") from None
    except ValueError:
        raise InputError(f"{what}: a number in the JSON has too many digits; shorten it.") from None
