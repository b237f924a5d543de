"""The data folder of an instance: one supervisor at a time, its secrets, its logs, its address."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from mobility.embedded.process import EmbeddedError


@dataclass(frozen=True, slots=True)
class Secrets:
    """What the processes of one instance trust each other by; made once, kept with mode 0600.

    ``operator_tokens`` are what we show to a demo operator, ``provider_keys`` what it shows to us.
    """

    secret_key: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    stripe_api_key: str = field(default_factory=lambda: _stripe("sk_test_"), repr=False)
    stripe_webhook_secret: str = field(default_factory=lambda: _stripe("whsec_"), repr=False)
    operator_tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    provider_keys: Mapping[str, str] = field(default_factory=dict, repr=False)

    def with_operator_token(self, provider_id: str) -> Secrets:
        """The same with a token for this operator, a new one if there was none."""
        token = self.operator_tokens.get(provider_id) or secrets.token_urlsafe(32)
        return replace(self, operator_tokens={**self.operator_tokens, provider_id: token})

    def with_provider_key(self, provider_id: str, key: str) -> Secrets:
        """The same with the key this operator shows when it pushes."""
        return replace(self, provider_keys={**self.provider_keys, provider_id: key})


@dataclass(frozen=True, slots=True)
class DataFolder:
    """A folder whose lock we hold."""

    path: Path

    @property
    def logs(self) -> Path:
        """Where each process appends its own ``NAME.log``."""
        return self.path / "logs"

    def log(self, name: str) -> Path:
        """The log file of the process ``name``."""
        return self.logs / f"{name}.log"

    def load_secrets(self) -> Secrets:
        """The instance's secrets, made now if there are none. Raises EmbeddedError if damaged."""
        path = self.path / "secrets.json"
        if not path.exists():
            self.save_secrets(Secrets())
        try:
            return Secrets(**json.loads(path.read_text()))
        except (ValueError, TypeError) as error:
            raise EmbeddedError(
                f"{path} is damaged ({error}); restore it from a backup. Without it nobody stays "
                "signed in and personal data cannot be decrypted"
            ) from error

    def save_secrets(self, values: Secrets) -> None:
        """Keep the secrets for the next start."""
        _write_private(self.path / "secrets.json", asdict(values))

    def publish(self, environment: Mapping[str, str]) -> None:
        """Let ``find_running`` know how to reach this instance."""
        _write_private(self.path / "running.json", dict(environment))

    def unpublish(self) -> None:
        """Take that back."""
        (self.path / "running.json").unlink(missing_ok=True)


@contextmanager
def open_data_folder(path: Path) -> Iterator[DataFolder]:
    """Make the folder (0700) if need be and hold its lock for the block.

    Raises EmbeddedError if another instance holds it or it cannot be written.
    """
    path = path.absolute()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise EmbeddedError(
            f"the data folder {path} cannot be written ({error.strerror}); "
            "set MOBILITY_DATA to one that can"
        ) from error
    try:
        if not _lock(lock):
            holder = os.pread(lock, 32, 0).decode(errors="replace").strip()
            raise EmbeddedError(
                f"another instance (process {holder or 'unknown'}) runs on the data folder {path}; "
                "stop it, or set MOBILITY_DATA and PORT to run a second one beside it"
            )
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        yield DataFolder(path)
    finally:
        os.close(lock)


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Wait until no other process is in such a block on this folder, which replicas may share."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(path / "prepare.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def find_running(path: Path) -> Mapping[str, str] | None:
    """The environment of the instance that runs on this data folder; None if none does."""
    published = path / "running.json"
    try:
        lock = os.open(path / "lock", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        if _try_lock(lock) or not published.exists():
            return None
        environment: dict[str, str] = json.loads(published.read_text())
        return environment
    finally:
        os.close(lock)


def _lock(lock: int) -> bool:
    """Take the lock; a few tries, since ``find_running`` holds it for an instant."""
    for _ in range(10):
        if _try_lock(lock):
            return True
        time.sleep(0.03)
    return False


def _try_lock(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write_private(path: Path, content: Mapping[str, object]) -> None:
    """Replace a file in one step, readable by us alone, on disk when this returns."""
    half = path.with_name(path.name + ".new")
    half.unlink(missing_ok=True)
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(content, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)


def _stripe(prefix: str) -> str:
    return prefix + secrets.token_hex(24)
