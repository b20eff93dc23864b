"""What a worker sends back: an Answer as one message, in which each part follows its length."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

_HEAD = struct.Struct("<Q")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the process is to write and to end with. `file` is a path and a text."""

    exit_code: int
    stdout: str = ""
    stderr: str = ""
    file: tuple[str, str] | None = None

    def to_bytes(self) -> bytes:
        """The answer as one message."""
        texts = [self.stdout, self.stderr, *(self.file or ())]
        parts = [text.encode("utf-8", "surrogatepass") for text in texts]
        return joined([bytes([self.exit_code]), *parts])

    @classmethod
    def of_bytes(cls, message: bytes) -> Answer:
        """The answer that was made into this message."""
        code, *parts = _split(message)
        stdout, stderr, *file = (part.decode("utf-8", "surrogatepass") for part in parts)
        return cls(exit_code=code[0], stdout=stdout, stderr=stderr, file=(file[0], file[1]) if file else None)


def joined(parts: Sequence[bytes]) -> bytes:
    """One message of several parts, each after its length."""
    return b"".join(piece for part in parts for piece in (_HEAD.pack(len(part)), part))


def _split(message: bytes) -> list[bytes]:
    parts = []
    start = 0
    while start < len(message):
        end = start + _HEAD.size + _HEAD.unpack_from(message, start)[0]
        parts.append(message[start + _HEAD.size : end])
        start = end
    return parts


def take_message(incoming: bytearray) -> bytes | None:
    """Take the first message out of the bytes that have come; None while it is incomplete."""
    if len(incoming) < _HEAD.size:
        return None
    end = _HEAD.size + _HEAD.unpack_from(incoming)[0]
    if len(incoming) < end:
        return None
    message = bytes(memoryview(incoming)[_HEAD.size : end])
    del incoming[:end]
    return message
