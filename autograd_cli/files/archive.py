"""The members of a zip file, inflated only up to a limit, whatever sizes the file claims."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager

from autograd_cli.files.opened import OpenFile

_LOCAL_HEADER = 30
_MAX_DIRECTORY = 4 * 1024**2  # some 40,000 members
_CHUNK = 1024**2
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})


class Archive:
    """The members of an open zip file, by name."""

    def __init__(self, archive: zipfile.ZipFile, file: OpenFile) -> None:
        self._archive = archive
        self._file = file
        self._members = {member.filename: member for member in archive.infolist()}
        if len(self._members) < len(archive.infolist()):
            raise zipfile.BadZipFile("two members have the same name")

    def names(self) -> list[str]:
        """The names of the members, in their order."""
        return list(self._members)

    def size(self, name: str) -> int:
        """How many bytes the archive says that the member has."""
        return self._members[name].file_size

    @contextmanager
    def member(self, name: str) -> Iterator[io.BufferedIOBase]:
        """The member, open for reading; its checksum is checked only when it is read to its end."""
        info = self._members[name]
        if info.compress_type not in _METHODS:
            raise zipfile.BadZipFile("an unknown compression")
        with self._archive.open(info) as opened:
            assert isinstance(opened, io.BufferedIOBase)
            yield opened

    def read(self, name: str, limit: int) -> memoryview:
        """All bytes of a member.

        Raises:
            BadZipFile: the member is larger than `limit`, or its size or checksum is not what the archive states.
        """
        size = self.size(name)
        if size > limit:
            raise zipfile.BadZipFile("a member is too large")
        with self.member(name) as opened:
            return exactly(opened, size)

    def view(self, name: str) -> memoryview | None:
        """The bytes of a member where they lie in the file; None where they are compressed or encrypted."""
        info = self._members[name]
        if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
            return None
        head = self._file.content(info.header_offset, _LOCAL_HEADER).tobytes()
        if len(head) < _LOCAL_HEADER or head[:4] != b"PK\x03\x04":
            raise zipfile.BadZipFile("a member is not where the directory says")
        start = info.header_offset + _LOCAL_HEADER + sum(int.from_bytes(head[at : at + 2], "little") for at in (26, 28))
        return self._file.content(start, info.file_size)


class _Bounded(io.BufferedReader):
    """A file that refuses a read larger than a directory may be: zipfile reads the whole directory at once."""

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = _MAX_DIRECTORY + 1 if size is None or size < 0 else size
        if len(found := super().read(min(wanted, _MAX_DIRECTORY + 1))) > _MAX_DIRECTORY:
            raise zipfile.BadZipFile("the directory is too large")
        return found


@contextmanager
def archive_of(file: OpenFile) -> Iterator[Archive]:
    """The file, opened as a zip archive.

    Raises:
        BadZipFile: it is no zip file, its directory is too large, or two of its members have the same name.
    """
    raw = io.FileIO(file.file.fileno(), closefd=False)
    with _Bounded(raw) as bounded, zipfile.ZipFile(bounded) as archive:
        yield Archive(archive, file)


def exactly(opened: io.BufferedIOBase, size: int) -> memoryview:
    """The rest of a member, which must be `size` bytes, as writable memory.

    Raises:
        BadZipFile: more or fewer bytes are left.
    """
    content = bytearray()
    while chunk := opened.read(min(_CHUNK, size + 1 - len(content))):
        content += chunk
    if len(content) != size:
        raise zipfile.BadZipFile("the size of a member is not what the archive says")
    return memoryview(content)
