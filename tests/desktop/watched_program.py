"""The whole program, on its simulator, with a watcher that writes down each key event that Qt gets from the X server.

python -m tests.desktop.watched_program FILE
"""

import ctypes
import struct
import sys
from pathlib import Path
from typing import Any

from PySide6.QtCore import QAbstractNativeEventFilter
from PySide6.QtWidgets import QApplication

from app.cli import main

KEYS_OF_XINPUT = (2, 3, 13, 14)  # press, release, and the raw ones


class Watcher(QAbstractNativeEventFilter):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def nativeEventFilter(self, kind: Any, at: int) -> tuple[bool, int]:
        if bytes(kind) == b"xcb_generic_event_t":
            head = ctypes.string_at(int(at), 32)
            of_xinput = head[0] & 0x7F == 35 and struct.unpack_from("=H", head, 8)[0] in KEYS_OF_XINPUT
            if head[0] & 0x7F in (2, 3) or of_xinput:
                with self._path.open("a", encoding="utf-8") as file:
                    file.write(f"{struct.unpack_from('=I', head, 16)[0] if of_xinput else head[1]}\n")
        return False, 0


if __name__ == "__main__":
    application = QApplication(sys.argv[:1])
    watcher = Watcher(Path(sys.argv[1]))
    application.installNativeEventFilter(watcher)
    sys.exit(main(["demo"]))
