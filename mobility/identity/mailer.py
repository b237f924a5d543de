"""Handing a mail over: to a folder (the embedded default) or to a mail server.

Neither an address nor a text reaches the log.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import ssl
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

import aiosmtplib

from mobility.identity.errors import MailNotSentError
from mobility.settings import Settings

_TIMEOUT_S = 10
_log = logging.getLogger("mobility.mail")


@dataclass(frozen=True, slots=True, repr=False)
class Mail:
    """A plain-text mail to one address."""

    to: str
    subject: str
    text: str


class Mailer(Protocol):
    """Where mails go."""

    async def send(self, mail: Mail) -> None:
        """Hand one mail over; MailNotSentError when it was not taken."""
        ...

    async def forget(self, address: str) -> None:
        """Delete what is still kept here of mails to that address."""
        ...


def _message(mail: Mail, mail_from: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = mail_from
    message["To"] = mail.to
    message["Subject"] = mail.subject
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    return message


@dataclass(frozen=True, slots=True)
class FileMailer:
    """Writes each mail to ``<folder>/*.eml``, readable by this user only."""

    folder: Path
    mail_from: str

    async def send(self, mail: Mail) -> None:
        """Write the mail, whole or not at all."""
        path = await asyncio.to_thread(self._write, mail)
        _log.info("a mail was written to %s", path)

    def _write(self, mail: Mail) -> Path:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        order = len(list(self.folder.glob("*.eml")))
        path = self.folder / f"{order:06d}-{secrets.token_hex(4)}.eml"
        partial = path.with_suffix(".part")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(_message(mail, self.mail_from).as_bytes())
        partial.rename(path)
        return path

    async def forget(self, address: str) -> None:
        """Delete the mails to that address."""
        await asyncio.to_thread(self._forget, address)

    def _forget(self, address: str) -> None:
        header = f"To: {address}\n".encode()
        for path in self.folder.glob("*.eml"):
            with suppress(FileNotFoundError):
                if header in path.read_bytes():
                    path.unlink()


@dataclass(frozen=True, slots=True, repr=False)
class SmtpMailer:
    """Hands mails to a mail server, by TLS from the start or by STARTTLS where it is offered."""

    host: str
    port: int
    username: str | None
    password: str | None
    implicit_tls: bool
    mail_from: str

    async def send(self, mail: Mail) -> None:
        """Send within ten seconds.

        Raises:
            MailNotSentError: the server did not take the mail.
        """
        message = _message(mail, self.mail_from)
        try:
            await aiosmtplib.send(
                message,
                hostname=self.host,
                port=self.port,
                username=self.username,
                password=self.password,
                use_tls=self.implicit_tls,
                timeout=_TIMEOUT_S,
            )
        except (aiosmtplib.SMTPException, OSError, ssl.SSLError) as error:
            _log.warning("a mail was not sent: %s", type(error).__name__)
            raise MailNotSentError("the mail could not be sent; ask for another one") from error
        _log.info("a mail was sent")

    async def forget(self, address: str) -> None:
        """Nothing: what was sent is not kept here."""


def make_mailer(settings: Settings) -> Mailer:
    """The mail server of ``MOBILITY_SMTP_URL``; without it, ``mail`` in the data folder.

    ``smtps://user:password@host:465`` speaks TLS from the start, ``smtp://`` by STARTTLS where the
    server offers it.

    Raises:
        ValueError: not a URL of a mail server.
    """
    if settings.smtp_url is None:
        return FileMailer(settings.data / "mail", settings.mail_from)
    url = urlsplit(settings.smtp_url.get_secret_value())
    if url.scheme not in {"smtp", "smtps"} or not url.hostname:
        raise ValueError(
            "MOBILITY_SMTP_URL: expected smtp://host:port or smtps://user:password@host"
        )
    implicit_tls = url.scheme == "smtps"
    return SmtpMailer(
        host=url.hostname,
        port=url.port or (465 if implicit_tls else 587),
        username=unquote(url.username) if url.username else None,
        password=unquote(url.password) if url.password else None,
        implicit_tls=implicit_tls,
        mail_from=settings.mail_from,
    )
