"""`python -m examples.mail_sink --port P --out FILE`: receive letters until told to stop."""

import argparse
import asyncio
from pathlib import Path

import uvloop

from examples.mail_sink.server import Log, serve


def main() -> None:
    """Print the port once letters can come."""
    parser = argparse.ArgumentParser(description="A mail server that writes down which letters arrived.")
    parser.add_argument("--port", type=int, default=2525, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--out", type=Path, required=True, help="file that gets one JSON line a letter")
    options = parser.parse_args()
    log = Log(options.out)
    try:
        uvloop.run(serve(options.port, log, lambda port: print(port, flush=True)))
    except (KeyboardInterrupt, asyncio.CancelledError):
        pass
    finally:
        log.close()


if __name__ == "__main__":
    main()
