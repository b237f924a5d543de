"""``python -m payments.sandbox --port 8400``: the processor as a process of its own."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import uvicorn

from payments.sandbox.app import create_app


def main() -> None:
    """Serve until stopped.

    The webhook secret may come from ``STRIPE_WEBHOOK_SECRET``: out of the process list.
    """
    parser = argparse.ArgumentParser(prog="payments.sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", type=Path, help="a SQLite file that outlives the process")
    parser.add_argument("--public-url", help="where a browser finds the hosted pages")
    parser.add_argument("--webhook-url", help="where events are sent to")
    parser.add_argument("--webhook-secret", default=os.environ.get("STRIPE_WEBHOOK_SECRET"))
    parser.add_argument("--seed", help="make ids repeatable; for a new state file only")
    given = parser.parse_args()
    app = create_app(
        path=given.state,
        public_url=given.public_url or f"http://{given.host}:{given.port}",
        webhook_url=given.webhook_url,
        webhook_secret=given.webhook_secret,
        seed=given.seed,
    )
    uvicorn.run(
        app,
        host=given.host,
        port=given.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main()
