import asyncio
import email
import email.policy
import logging
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mobility.identity.errors import MailNotSentError
from mobility.identity.mailer import FileMailer, Mail, SmtpMailer, make_mailer
from mobility.settings import Settings

MAIL = Mail(to="anna@example.org", subject="204816 ist Ihr Code", text="Grüße: 204816\n")


def _files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_a_mail_is_a_file_that_only_we_can_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    mailer = FileMailer(tmp_path / "mail", "mobil@localhost")
    await mailer.send(MAIL)
    [path] = _files(tmp_path / "mail")
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert path.suffix == ".eml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (message["From"], message["To"], message["Subject"], message.get_content()) == (
        "mobil@localhost",
        MAIL.to,
        MAIL.subject,
        MAIL.text,
    )
    assert caplog.messages == [f"a mail was written to {path}"]


async def test_mails_to_an_erased_address_are_deleted(tmp_path: Path):
    mailer = FileMailer(tmp_path, "mobil@localhost")
    for to in ("anna@example.org", "susanna@example.org", "anna@example.org"):
        await mailer.send(Mail(to, "x", "y"))
    await mailer.forget("anna@example.org")
    [left] = _files(tmp_path)
    assert b"To: susanna@example.org" in left.read_bytes()


@asynccontextmanager
async def smtp_server(answer_to_data: bytes) -> AsyncIterator[tuple[int, list[bytes]]]:
    """As much of RFC 5321 as it takes to hand over one mail."""
    lines: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        in_data = False
        while line := await reader.readline():
            lines.append(line)
            if in_data:
                in_data = line != b".\r\n"
                writer.write(b"" if in_data else answer_to_data)
            elif line.upper().startswith(b"DATA"):
                in_data = True
                writer.write(b"354 go on\r\n")
            elif line.upper().startswith(b"QUIT"):
                writer.write(b"221 bye\r\n")
                break
            else:
                writer.write(b"250 ok\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], lines


def _smtp(port: int) -> SmtpMailer:
    mailer = make_mailer(Settings(smtp_url=f"smtp://127.0.0.1:{port}", mail_from="a@localhost"))
    assert isinstance(mailer, SmtpMailer)
    return mailer


async def test_a_mail_goes_to_the_mail_server():
    async with smtp_server(b"250 taken\r\n") as (port, lines):
        await _smtp(port).send(MAIL)
    assert b"RCPT TO:<anna@example.org>\r\n" in lines
    assert b"To: anna@example.org\r\n" in lines


async def test_a_mail_that_is_not_taken_is_an_error_without_the_address(
    caplog: pytest.LogCaptureFixture,
):
    async with smtp_server(b"554 no\r\n") as (port, _):
        with pytest.raises(MailNotSentError) as refused:
            await _smtp(port).send(MAIL)
    assert "anna" not in str(refused.value) + caplog.text


async def test_no_mail_server_is_an_error():
    with pytest.raises(MailNotSentError):
        await _smtp(9).send(MAIL)


def test_the_setting_says_which_mailer(tmp_path: Path):
    assert make_mailer(Settings(data=tmp_path)) == FileMailer(tmp_path / "mail", "mobil@localhost")
    assert make_mailer(Settings(smtp_url="smtps://me:p%40ss@mail.example")) == SmtpMailer(
        "mail.example", 465, "me", "p@ss", implicit_tls=True, mail_from="mobil@localhost"
    )
    with pytest.raises(ValueError, match="MOBILITY_SMTP_URL"):
        make_mailer(Settings(smtp_url="mail.example"))
