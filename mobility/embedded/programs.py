"""Our own programs of an instance: the API, the worker, and what stands in for the outside."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mobility.embedded.folder import DataFolder, Secrets
from mobility.embedded.process import Program, reserve_port
from mobility.settings import Settings
from providers.stanza import ProviderStanza

APP = "mobility.app:create_app"


@dataclass(frozen=True, slots=True)
class StandIns:
    """Programs that stand in for the outside, and where the API finds them."""

    programs: tuple[Program, ...]
    environment: Mapping[str, str]


def make_payment_processor(folder: DataFolder, secrets: Secrets, api_url: str) -> StandIns:
    """The Stripe-shaped processor of ``payments.sandbox``."""
    port, holder = reserve_port()
    program = Program(
        name="payments",
        command=(
            *_module("payments.sandbox", port, folder.path / "payments-sandbox.sqlite"),
            *("--webhook-url", f"{api_url}/webhooks/stripe"),
        ),
        log=folder.log("payments"),
        env={**os.environ, "STRIPE_WEBHOOK_SECRET": secrets.stripe_webhook_secret},
        port=port,
        port_holder=holder,
    )
    environment = {
        "STRIPE_API_KEY": secrets.stripe_api_key,
        "STRIPE_API_BASE": f"http://127.0.0.1:{port}",
        "STRIPE_WEBHOOK_SECRET": secrets.stripe_webhook_secret,
    }
    return StandIns((program,), environment)


def make_operator(
    stanza: ProviderStanza, providers_toml: Path, folder: DataFolder, secrets: Secrets, api_url: str
) -> tuple[Program, str]:
    """One demo operator of ``providers.sandbox``, and its base URL."""
    port, holder = reserve_port()
    program = Program(
        name=stanza.id,
        command=(
            *_module("providers.sandbox", port, folder.path / f"{stanza.id}.sqlite"),
            *("--stanza", str(providers_toml), "--id", stanza.id),
            *(("--push-url", f"{api_url}/v1/provider") if stanza.availability == "push" else ()),
        ),
        log=folder.log(stanza.id),
        env={
            **os.environ,
            "SANDBOX_TOKEN": secrets.operator_tokens[stanza.id],
            "SANDBOX_PUSH_TOKEN": secrets.provider_keys[stanza.id],
        },
        port=port,
        port_holder=holder,
    )
    return program, f"http://127.0.0.1:{port}"


def make_issuer(issuer_id: str, folder: DataFolder, token: str) -> tuple[Program, str]:
    """One demo issuer of passes of ``providers.sandbox.issuer``, and its base URL."""
    port, holder = reserve_port()
    program = Program(
        name=issuer_id,
        command=(
            *_module("providers.sandbox.issuer", port, folder.path / f"{issuer_id}.sqlite"),
            *("--id", issuer_id),
        ),
        log=folder.log(issuer_id),
        env={**os.environ, "SANDBOX_TOKEN": token},
        port=port,
        port_holder=holder,
    )
    return program, f"http://127.0.0.1:{port}"


def api_command(settings: Settings, app: str = APP) -> tuple[str, ...]:
    """The command line of one API process.

    It keeps no access log: a foreign standard may put a rider's position into a URL.
    """
    return (
        *(sys.executable, "-m", "uvicorn", app, "--factory"),
        *("--host", settings.host, "--port", str(settings.port)),
        *("--no-access-log", "--no-server-header", "--timeout-graceful-shutdown", "3"),
    )


def make_api(settings: Settings, folder: DataFolder, environment: Mapping[str, str]) -> Program:
    """The API, ready when it says so itself."""
    return Program(
        name="api",
        command=api_command(settings),
        log=folder.log("api"),
        env=environment,
        port=settings.port,
        host=reachable_host(settings.host),
        ready_path="/readyz",
    )


def make_worker(folder: DataFolder, environment: Mapping[str, str]) -> Program:
    """The worker that runs durable steps."""
    command = (sys.executable, "-m", "mobility.cli", "worker")
    return Program(name="worker", command=command, log=folder.log("worker"), env=environment)


def reachable_host(host: str) -> str:
    """Where a client on this machine reaches a server that listens on ``host``."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104


def _module(name: str, port: int, state: Path) -> tuple[str, ...]:
    return (sys.executable, "-m", name, "--port", str(port), "--state", str(state))
