"""What is left in the bytes of a journal's files that SQLite does not show.

The one rule: the bytes are only looked at. SQLite ends a -wal file at the first frame whose checksum is wrong, without
a word: records that were durable are gone then, and the chain before them is whole.

Source: sqlite.org/walformat.html and sqlite.org/fileformat2.html, "The Write-Ahead Log".
"""

import sys
from collections.abc import Iterator
from pathlib import Path

LOOK_MOST = 8 << 20
"""Bytes at the end of a file that are looked at."""
PAGE = 4096
"""Bytes; SQLite's default, which the journal leaves alone."""
_HEADER, _FRAME_HEADER = 32, 24
_MX_FRAME = 16
"""Where the -shm file has the number of valid frames, as the last recovery or commit left it."""


def remains(path: Path) -> bytes:
    """The end of the file; nothing when it cannot be read."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - LOOK_MOST))
            return file.read(LOOK_MOST)
    except OSError:
        return b""


def beyond(path: Path) -> tuple[bytes, bool]:
    """Of the journal's -wal file: the bytes behind its last valid frame, and whether a commit is among them.

    To be asked while a connection is open (it makes the -shm file), and before it writes.
    """
    data = remains(path.with_name(path.name + "-wal"))
    index = remains(path.with_name(path.name + "-shm"))
    if len(data) <= _HEADER or len(index) < _MX_FRAME + 4:
        return b"", False
    valid = int.from_bytes(index[_MX_FRAME : _MX_FRAME + 4], sys.byteorder)
    size = _FRAME_HEADER + int.from_bytes(data[8:12], "big")
    if size != _FRAME_HEADER + PAGE and any(data):
        return data, True  # the header itself is damaged
    behind = data[_HEADER + valid * size :]
    # Frames of the file's present life carry its salt. When none is valid, the header's may be what is damaged.
    salt = data[16:24] if valid else behind[8:16]
    return behind, any(frame[8:16] == salt and frame[4:8] != bytes(4) for frame in _frames(behind, size))


def _frames(data: bytes, size: int) -> Iterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + _FRAME_HEADER]
