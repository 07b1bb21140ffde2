"""Writes tiny ONNX networks with the few protocol-buffer fields they need, so that tests load real files."""

from __future__ import annotations

import numpy as np


def _varint(value: int) -> bytes:
    out = b""
    while True:
        value, low = value >> 7, value & 0x7F
        out += bytes([low | (0x80 if value else 0)])
        if not value:
            return out


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes | str) -> bytes:
    value = value.encode() if isinstance(value, str) else value
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _value_info(name: str, shape: tuple[int, ...]) -> bytes:
    dims = b"".join(_bytes(1, _number(1, size)) for size in shape)
    return _bytes(1, name) + _bytes(2, _bytes(1, _number(1, 1) + _bytes(2, dims)))


def _tensor(name: str, values: np.ndarray) -> bytes:
    dims = b"".join(_number(1, size) for size in values.shape)
    return dims + _number(2, 1) + _bytes(8, name) + _bytes(9, values.astype("<f4").tobytes())


def _node(kind: str, inputs: list[str], output: str, **attributes: int) -> bytes:
    data = b"".join(_bytes(1, name) for name in inputs) + _bytes(2, output) + _bytes(4, kind)
    for name, value in attributes.items():
        data += _bytes(5, _bytes(1, name) + _number(3, value) + _number(20, 2))
    return data


def mean_classifier(weights, bias, size: int = 80, *, softmax: bool = False) -> bytes:
    """Class scores that are linear in the crop's three channel means. weights: (3, K); bias: (K,)."""
    weights, bias = np.asarray(weights, np.float32), np.asarray(bias, np.float32)
    nodes = [
        _node("GlobalAveragePool", ["crop"], "pooled"),
        _node("Flatten", ["pooled"], "means", axis=1),
        _node("Gemm", ["means", "weights", "bias"], "classes" if softmax else "scores"),
    ]
    nodes += [_node("Softmax", ["classes"], "scores", axis=1)] if softmax else []
    graph = b"".join(_bytes(1, node) for node in nodes) + _bytes(2, "tiny")
    graph += _bytes(5, _tensor("weights", weights)) + _bytes(5, _tensor("bias", bias))
    graph += _bytes(11, _value_info("crop", (1, 3, size, size)))
    graph += _bytes(12, _value_info("scores", (1, weights.shape[1])))
    return _number(1, 8) + _bytes(7, graph) + _bytes(8, _bytes(1, "") + _number(2, 13))


def same(size: int = 80) -> bytes:
    """A network that is no classifier: it gives the crop back."""
    graph = _bytes(1, _node("Relu", ["crop"], "scores")) + _bytes(2, "tiny")
    graph += _bytes(11, _value_info("crop", (1, 3, size, size))) + _bytes(12, _value_info("scores", (1, 3, size, size)))
    return _number(1, 8) + _bytes(7, graph) + _bytes(8, _bytes(1, "") + _number(2, 13))
