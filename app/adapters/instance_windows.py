"""What the talk needs of Windows itself: the pipe's name, the caller's end of it, and the user at its other end.

The one rule: a pipe's name is in one space for the whole machine, where another user can be first; so the name is
drawn by chance for each run, told in a file that only the user can write, and both ends ask who the other is.

Not run on Windows yet: written after the documentation of the functions that it names.
"""

import ctypes
import os
import sys
import time
from ctypes import wintypes

assert sys.platform == "win32"  # noqa: S101  for mypy: all below is for Windows alone

import _winapi  # noqa: E402

PIPES = "\\\\.\\pipe\\"
LONGEST_NAME = 100
POLL = 0.005
"""Seconds between two looks at a pipe: reading from one cannot be given a time."""
SECURITY_SQOS_PRESENT = 0x00100000
SECURITY_IDENTIFICATION = 0x00010000
"""Whoever serves the pipe may see who we are, and not act in our name."""
ERROR_PIPE_BUSY = 231
PROCESS_QUERY_LIMITED_INFORMATION = 0x1000
TOKEN_QUERY = 0x0008
TOKEN_USER = 1


def new_name(file: str) -> str:
    """A new name for the pipe, written into the file; what was there was left by a process that is dead."""
    name = f"maskbar-{os.urandom(16).hex()}"
    beside = f"{file}.new"
    with open(beside, "w", encoding="ascii") as to:  # noqa: PTH123
        to.write(name)
    os.replace(beside, file)  # noqa: PTH105
    return name


class Pipe:
    """The caller's end. Raises OSError when nobody listens, or somebody else does."""

    def __init__(self, file: str) -> None:
        with open(file, encoding="ascii") as source:  # noqa: PTH123
            name = source.read(LONGEST_NAME)
        self._handle = _winapi.CreateFile(
            PIPES + name,
            _winapi.GENERIC_READ | _winapi.GENERIC_WRITE,
            0,
            0,
            _winapi.OPEN_EXISTING,
            SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION,
            0,
        )
        if not _is_me(self._handle, "GetNamedPipeServerProcessId"):
            self.close()
            raise PermissionError("another user's process answers in MaskBar's place")

    def send(self, data: bytes) -> None:
        _winapi.WriteFile(self._handle, data)

    def receive(self, limit: float | None) -> bytes:
        """Some bytes; none at the end. Raises TimeoutError after `limit` seconds."""
        until = None if limit is None else time.monotonic() + limit
        while True:
            try:
                there = int(_winapi.PeekNamedPipe(self._handle, 0)[0])
                if there:
                    return _winapi.ReadFile(self._handle, there)[0]
            except BrokenPipeError:
                return b""
            if until is not None and time.monotonic() >= until:
                raise TimeoutError
            time.sleep(POLL)

    def close(self) -> None:
        _winapi.CloseHandle(self._handle)


def client_is_me(pipe: int) -> bool:
    """Whether our own user's process holds the other end of this server's end."""
    return _is_me(pipe, "GetNamedPipeClientProcessId")


def _is_me(pipe: int, ask: str) -> bool:
    process = wintypes.DWORD()
    if not getattr(_kernel, ask)(wintypes.HANDLE(pipe), ctypes.byref(process)):
        return False
    other = _kernel.OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, False, process)
    if not other:
        return False
    try:
        theirs, ours = _user(other), _user(_kernel.GetCurrentProcess())
    finally:
        _kernel.CloseHandle(other)
    if theirs is None or ours is None:
        return False
    return bool(_security.EqualSid(_sid(theirs), _sid(ours)))


def _user(process: int) -> "ctypes.Array[ctypes.c_char] | None":
    """A TOKEN_USER structure, which begins with the address of the SID in it."""
    token = wintypes.HANDLE()
    if not _security.OpenProcessToken(process, TOKEN_QUERY, ctypes.byref(token)):
        return None
    try:
        size = wintypes.DWORD()
        found = ctypes.create_string_buffer(256)  # a SID has at most 68 bytes
        got = _security.GetTokenInformation(token, TOKEN_USER, found, len(found), ctypes.byref(size))
    finally:
        _kernel.CloseHandle(token)
    return found if got else None


def _sid(user: "ctypes.Array[ctypes.c_char]") -> ctypes.c_void_p:
    return ctypes.c_void_p.from_buffer(user)


_kernel = ctypes.WinDLL("kernel32", use_last_error=True)
_security = ctypes.WinDLL("advapi32", use_last_error=True)
_kernel.OpenProcess.restype = wintypes.HANDLE
_kernel.OpenProcess.argtypes = (wintypes.DWORD, wintypes.BOOL, wintypes.DWORD)
_kernel.GetCurrentProcess.restype = wintypes.HANDLE
_kernel.CloseHandle.argtypes = (wintypes.HANDLE,)
_kernel.GetNamedPipeClientProcessId.argtypes = (wintypes.HANDLE, ctypes.POINTER(wintypes.DWORD))
_kernel.GetNamedPipeServerProcessId.argtypes = (wintypes.HANDLE, ctypes.POINTER(wintypes.DWORD))
_security.OpenProcessToken.argtypes = (wintypes.HANDLE, wintypes.DWORD, ctypes.POINTER(wintypes.HANDLE))
_security.GetTokenInformation.argtypes = (
    wintypes.HANDLE,
    ctypes.c_int,
    ctypes.c_void_p,
    wintypes.DWORD,
    ctypes.POINTER(wintypes.DWORD),
)
_security.EqualSid.argtypes = (ctypes.c_void_p, ctypes.c_void_p)
