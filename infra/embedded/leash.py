"""A leash for child processes: as a script it ties itself to its parent, then becomes the given command.

    python -I -S leash.py <signal number> <parent pid> command…

Linux then sends the signal when the parent dies, also by kill -9. Doing this in a small program of its own,
and not between fork and exec, keeps it safe where the parent has threads.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def leashed(number: signal.Signals, *command: str) -> tuple[str, ...]:
    """The command line of a child of this process that gets the signal when this process dies."""
    return (sys.executable, "-I", "-S", __file__, str(int(number)), str(os.getpid()), *command)


def main(number: int, parent: int, command: list[str]) -> None:
    """Never returns: replaces this process by `command`, or ends it with code 127."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
    if os.getppid() != parent:
        # It died before the call above: the signal will never come.
        sys.exit(127)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
