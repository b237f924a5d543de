"""Run a demo operator of a city as a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
from pathlib import Path

import httpx
import uvicorn

from providers.sandbox.app import make_app
from providers.sandbox.fleet import read_fleet
from providers.sandbox.push import Pusher
from providers.sandbox.rules import Operator
from providers.sandbox.store import Store
from providers.stanza import StanzaError, get_stanza

EXAMPLE = """\
example:
  python -m providers.sandbox --stanza mobility/cities/luebeck/providers.toml --id demo-rad \\
      --port 8101 --state /tmp/demo-rad.sqlite --token secret \\
      --push-url http://127.0.0.1:8000/v1/provider --push-token key

Tokens may stand in SANDBOX_TOKEN and SANDBOX_PUSH_TOKEN instead, out of sight of ps.
"""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m providers.sandbox",
        description=__doc__,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--stanza", type=Path, required=True, help="the city's providers.toml")
    parser.add_argument("--id", required=True, help="the provider to be")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True, help="SQLite file that outlives us")
    parser.add_argument("--token", default=os.environ.get("SANDBOX_TOKEN"), help="callers' token")
    parser.add_argument("--push-url", help="the platform's /v1/provider; unset: push nothing")
    parser.add_argument("--push-token", default=os.environ.get("SANDBOX_PUSH_TOKEN"))
    parser.add_argument("--time-factor", type=float, default=1.0, help="rides run so much faster")
    arguments = parser.parse_args()
    if not arguments.token:
        parser.error("no token: give --token or SANDBOX_TOKEN")
    if arguments.push_url and not arguments.push_token:
        parser.error("--push-url needs --push-token or SANDBOX_PUSH_TOKEN")
    return arguments


async def _serve(arguments: argparse.Namespace, operator: Operator) -> None:
    async with httpx.AsyncClient(timeout=10) as http:
        pusher = None
        if arguments.push_url:
            pusher = Pusher(operator, http, arguments.push_url, arguments.push_token)
        app = make_app(operator, token=arguments.token, pusher=pusher)
        config = uvicorn.Config(
            app,
            host=arguments.host,
            port=arguments.port,
            log_level="warning",
            timeout_keep_alive=60,
            timeout_graceful_shutdown=1,
        )
        await uvicorn.Server(config).serve()


def main() -> None:
    """Serve until told to stop."""
    arguments = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        stanza = get_stanza(arguments.stanza, arguments.id)
        fleet = read_fleet(stanza, arguments.stanza.parent)
    except StanzaError as error:
        raise SystemExit(str(error)) from error
    arguments.state.parent.mkdir(parents=True, exist_ok=True)
    store = Store(arguments.state)
    store.stock(fleet)
    operator = Operator(stanza, store, arguments.time_factor)
    try:
        asyncio.run(_serve(arguments, operator))
    finally:
        store.close()


if __name__ == "__main__":
    main()
