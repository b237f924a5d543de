"""One command runs it: starts what is not given from outside, and ends all of it with itself.

Four things can be given: the database (``DATABASE_URL``), Redis (``REDIS_URL``), the payment
processor (``STRIPE_API_KEY``, ``STRIPE_API_BASE``) and the operators (``MOBILITY_PROVIDER_URLS``).
Each that is not is started here. With all four given, this process becomes the API and no more.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import FrameType
from typing import NoReturn

from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy.exc import OperationalError

from mobility.alone import NotAloneError
from mobility.embedded.checks import (
    POLLING_ALONE,
    check_settings,
    polls_alone,
    same_instance,
)
from mobility.embedded.die_with_parent import die_with_parent
from mobility.embedded.environment import (
    given_environment,
    is_all_given,
    local_api_url,
    settings_in,
)
from mobility.embedded.folder import (
    DataFolder,
    Secrets,
    one_at_a_time,
    open_data_folder,
)
from mobility.embedded.operators import make_operators, wait_until_heard
from mobility.embedded.postgres import EmbeddedPostgres
from mobility.embedded.process import EmbeddedError, Program
from mobility.embedded.programs import (
    api_command,
    make_api,
    make_payment_processor,
    make_worker,
    reachable_host,
)
from mobility.embedded.progress import Progress, StartDisplay
from mobility.embedded.redis import make_redis, redis_url
from mobility.embedded.supervisor import Supervisor
from mobility.migrate import migrate
from mobility.settings import Settings

Preparation = tuple[str, Callable[[Settings, Progress], None]]
"""What must be done before the first request, and its label; runs at every start."""

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Stopped(KeyboardInterrupt):
    """Somebody asked us to stop. A KeyboardInterrupt, because asyncio lets that through."""


def serve(
    settings: Settings, preparations: Sequence[Preparation] = (), *, die_with_maker: bool = False
) -> int:
    """Run the product until it is told to stop; returns the exit status.

    ``die_with_maker`` stops it also when the process that started it ends, in whatever way. Errors
    that a person can mend are printed, not raised. Main thread only.
    """
    display = StartDisplay()
    _on_stop_signals(_stop)
    try:
        if die_with_maker:
            die_with_parent(signal.SIGTERM, os.getppid())
        check_settings(settings)
        if polls_alone(settings):
            display.say(POLLING_ALONE)
        if is_all_given(settings):
            _become_api(settings, preparations, display)
        with open_data_folder(settings.data) as folder:
            _run(_Start(settings, folder, display), preparations)
    except _Stopped:
        display.say("Stopped.")
    except EmbeddedError as error:
        sys.stderr.write(f"mobility: {error}\n")
        return 1
    return 0


@dataclass(slots=True)
class _Start:
    """A start as it proceeds: ``environment`` grows by where each thing is found."""

    settings: Settings
    folder: DataFolder
    display: StartDisplay
    supervisor: Supervisor = field(init=False)
    secrets: Secrets = field(init=False)
    environment: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.supervisor = Supervisor(self.display.say)
        self.secrets = self.folder.load_secrets()
        self.environment = given_environment(self.settings, self.folder, self.secrets)

    def start_stores(self) -> None:
        """The database and Redis, where they are not given."""
        if self.settings.redis_url is None:
            redis = make_redis(self.folder.log("redis"))
            self.supervisor.start(redis)
            self.environment["REDIS_URL"] = redis_url(redis)
        if self.settings.database_url is None:
            postgres = EmbeddedPostgres(self.folder.path / "postgres", self.folder.log("postgres"))
            self.supervisor.start(postgres)
            self.environment["DATABASE_URL"] = postgres.url
        self.supervisor.wait_until_ready()

    def prepare(self, preparations: Sequence[Preparation]) -> None:
        """The tables and the city.

        Raises EmbeddedError if a given server does not answer, or a restore is being rebuilt.
        """
        _require_redis(self.environment["REDIS_URL"])
        with self.display.step("Tables"):
            try:
                migrate(self.environment["DATABASE_URL"])
            except OperationalError as error:
                raise EmbeddedError(f"DATABASE_URL cannot be used: {error.orig}") from error
            except NotAloneError as error:
                raise EmbeddedError(str(error)) from error
        for label, prepare in preparations:
            with self.display.step(label) as progress:
                prepare(settings_in(self.environment, self.settings), progress)

    def start_programs(self) -> None:
        """What stands in for the outside, where it is not given; then the API and the worker."""
        api_url, stand_ins = local_api_url(self.settings), list[Program]()
        if self.settings.stripe_api_key is None:
            processor = make_payment_processor(self.folder, self.secrets, api_url)
            stand_ins += processor.programs
            self.environment |= processor.environment
        if self.settings.provider_urls is None:
            operators = make_operators(
                self.settings.city,
                self.folder,
                self.secrets,
                database_url=self.environment["DATABASE_URL"],
                api_url=api_url,
                now=datetime.now(UTC),
            )
            stand_ins += operators.programs
            self.environment |= operators.environment
        inherited = {**os.environ, **self.environment, "PYTHONUNBUFFERED": "1"}
        with self.display.step("Operators, payment processor, API and worker"):
            self.supervisor.start(*stand_ins)
            self.supervisor.start(
                make_api(self.settings, self.folder, inherited), make_worker(self.folder, inherited)
            )
            self.supervisor.wait_until_ready()
        if self.settings.provider_urls is None:
            with self.display.step("Vehicles"):
                names = json.loads(self.environment["MOBILITY_PROVIDER_URLS"])
                host = reachable_host(self.settings.host)
                wait_until_heard(names, host, self.settings.port)


def _require_redis(url: str) -> None:
    """Say now what is wrong of it, and not when all else is prepared."""
    try:
        with Redis.from_url(url, socket_connect_timeout=5, socket_timeout=5) as redis:
            redis.ping()
    except RedisError as error:
        raise EmbeddedError(f"REDIS_URL cannot be used: {error}") from error


def _run(start: _Start, preparations: Sequence[Preparation]) -> None:
    _require_free_port(start.settings.host, start.settings.port)
    try:
        with start.display.step("Database and live store"):
            start.start_stores()
        start.prepare(preparations)
        start.start_programs()
        start.folder.publish(start.environment)
        start.display.say(
            f"Ready: open {start.environment['MOBILITY_PUBLIC_URL']}/docs, or take a whole trip in "
            f"another terminal with `{same_instance(start.settings)}.venv/bin/mobility trip`. "
            "Ctrl-C stops everything."
        )
        start.supervisor.watch()
    finally:
        _on_stop_signals(signal.SIG_IGN)
        start.folder.unpublish()
        start.supervisor.stop()


def _become_api(
    settings: Settings, preparations: Sequence[Preparation], display: StartDisplay
) -> NoReturn:
    """Prepare the city and turn this process into the API. Raises EmbeddedError."""
    if settings.secret_key is None:
        raise EmbeddedError(
            "database, Redis, payments and operators come from outside, so others may serve beside "
            "this process; set MOBILITY_SECRET_KEY to the same value for all of them"
        )
    _require_free_port(settings.host, settings.port)
    with one_at_a_time(settings.data):
        for label, prepare in preparations:
            with display.step(label) as progress:
                prepare(settings, progress)
    _on_stop_signals(signal.SIG_DFL)
    command = api_command(settings)
    os.execv(command[0], command)  # noqa: S606  # becoming the command is the point


def _require_free_port(host: str, port: int, within_seconds: float = 2) -> None:
    """Raise EmbeddedError if somebody listens there; a killed predecessor is given a moment."""
    deadline = time.monotonic() + within_seconds
    while True:
        try:
            with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, port))
                return
        except OSError as error:
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    f"port {port} on {host} cannot be used ({error.strerror}); free it, or set "
                    f"PORT to another one, such as: make run PORT={port + 1}"
                ) from error
            time.sleep(0.1)


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    """The first signal stops us; while we stop, further ones change nothing."""
    _on_stop_signals(signal.SIG_IGN)
    raise _Stopped(signal.Signals(number).name)


def _on_stop_signals(
    handler: Callable[[int, FrameType | None], NoReturn] | signal.Handlers,
) -> None:
    for number in _STOP_SIGNALS:
        signal.signal(number, handler)
