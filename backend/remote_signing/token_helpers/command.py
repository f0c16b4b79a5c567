"""`hocba token-helper`: the console of the program on the computer that holds the seal's token."""

import asyncio
from collections.abc import Callable
from typing import TextIO

from backend.remote_signing.token_helpers import program
from backend.remote_signing.token_helpers.program import Options as Options

_DONE, _REFUSED = 0, 1


def pair(options: Options, out: TextIO, err: TextIO) -> int:
    """Pair this computer; the exit status."""
    return _told(lambda: program.pair(options, _to(out)), err)


def run(options: Options, out: TextIO, err: TextIO) -> int:
    """Fetch and sign; the exit status."""
    return _told(lambda: asyncio.run(program.run(options, _to(out))), err)


def _to(out: TextIO) -> program.Tell:
    return lambda line: print(line, file=out, flush=True)


def _told(deed: Callable[[], None], err: TextIO) -> int:
    try:
        deed()
    except program.TROUBLE as error:
        print(f"hocba token-helper: {error}", file=err)
        return _REFUSED
    except KeyboardInterrupt:
        return _DONE
    return _DONE
