"""Runs a program whose renameat2 and link system calls fail as they do on a network share.

    without_links.py ERROR PROGRAM ARGUMENT...

Exit code 77: this system can't be told to.
"""

import ctypes
import errno
import os
import platform
import struct
import sys

CALLS = {"x86_64": {"link": 86, "linkat": 265, "renameat2": 316}, "aarch64": {"linkat": 37, "renameat2": 276}}
ALLOW, FAIL = 0x7FFF0000, 0x00050000
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
SET_NO_NEW_PRIVILEGES, SET_SECCOMP, FILTER = 38, 22, 2


def refuse(calls):
    """Has each of the system calls fail with its error from here on."""
    program = [(LOAD, 0, 0, 0)]
    for number, error in calls:
        program += [(JUMP_IF_EQUAL, 0, 1, number), (RETURN, 0, 0, FAIL | error)]
    program.append((RETURN, 0, 0, ALLOW))
    code = b"".join(struct.pack("HBBI", *line) for line in program)
    buffer = ctypes.create_string_buffer(code)
    header = struct.pack("HxxxxxxP", len(program), ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or libc.prctl(SET_SECCOMP, FILTER, header, 0, 0):
        print("no system calls can be refused:", os.strerror(ctypes.get_errno()), file=sys.stderr)
        sys.exit(77)


numbers = CALLS.get(platform.machine())
if numbers is None:
    print("the numbers of system calls are not known for", platform.machine(), file=sys.stderr)
    sys.exit(77)
link_error = getattr(errno, sys.argv[1])
refuse((number, errno.EINVAL if name == "renameat2" else link_error) for name, number in numbers.items())
os.execv(sys.argv[2], sys.argv[2:])
