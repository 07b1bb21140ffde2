"""The machine's key: signs records and encrypts pictures. Made on first use, readable by its owner only."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from ...base.errors import InputError

KEY_BYTES = 32
_NONCE_BYTES = 12


class Locksmith:
    """Ed25519 signatures and AES-256-GCM, both keys derived from the one in the file.

    Raises InputError when the library is missing or the key file is damaged or readable by others.
    """

    def __init__(self, path: Path):
        try:
            from cryptography.exceptions import InvalidSignature, InvalidTag
            from cryptography.hazmat.primitives import hashes
            from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM
            from cryptography.hazmat.primitives.kdf.hkdf import HKDF
        except ImportError:
            raise InputError("Records need the library cryptography; run: pip install cryptography") from None

        def derived(purpose: bytes, salt: bytes | None = None) -> bytes:
            return HKDF(algorithm=hashes.SHA256(), length=32, salt=salt, info=purpose).derive(key)

        key = _key(path)
        self._signer = Ed25519PrivateKey.from_private_bytes(derived(b"songreel charcha sign 1"))
        self._cipher = AESGCM(derived(b"songreel charcha encrypt 1"))
        self._sealing = lambda secret: AESGCM(derived(b"songreel charcha seal 1", secret))
        self._broken = (InvalidSignature, InvalidTag)

    def sign(self, payload: dict) -> str:
        """Signature of a JSON object, hexadecimal."""
        return self._signer.sign(canonical(payload)).hex()

    def signed(self, payload: Any, signature: Any) -> bool:
        """Whether this machine signed exactly this object."""
        try:
            self._signer.public_key().verify(bytes.fromhex(signature), canonical(payload))
        except (*self._broken, TypeError, ValueError):
            return False
        return True

    def sealed(self, secret: bytes, data: bytes, label: bytes) -> bytes:
        """Encrypted under a key that needs both this machine's key and the secret."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._sealing(secret).encrypt(nonce, data, label)

    def opened(self, secret: bytes, data: bytes, label: bytes) -> bytes | None:
        """What `sealed` took; None when data, label, secret or machine are others."""
        try:
            return self._sealing(secret).decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], label)
        except (*self._broken, ValueError):
            return None

    def encrypt(self, data: bytes, label: str) -> bytes:
        """`label` is bound to the result: what was encrypted as one thing cannot be read as another."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, data, label.encode())

    def decrypt(self, data: bytes, label: str) -> bytes | None:
        """None when the data were altered or have another label or key."""
        try:
            return self._cipher.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], label.encode())
        except (*self._broken, ValueError):
            return None


def canonical(payload: Any) -> bytes:
    """The one way to write an object down before it is signed or digested."""
    return json.dumps(payload, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def write_private(path: Path, data: bytes, *, keep: bool = False) -> None:
    """Write a file of mode 0600, whole or not at all, and on the disk when this returns.

    keep: leave a file that is already there as it is, also one that another process makes just now.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}.{os.urandom(4).hex()}.part")
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if keep:
            with contextlib.suppress(FileExistsError):
                os.link(part, path)
        else:
            os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _key(path: Path) -> bytes:
    if not path.exists():
        write_private(path, os.urandom(KEY_BYTES), keep=True)
    if os.name == "posix" and path.stat().st_mode & 0o077:
        raise InputError("The key of the identity records can be read by other users; run chmod 600 on it.")
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise InputError("The key of the identity records is damaged; put it back from a backup or delete all records.")
    return key
