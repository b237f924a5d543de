"""Sign-in by a code of six digits that goes to the rider's address.

A code lives ten minutes, opens one session and bears five tries. Whether an address has an
account cannot be told from any answer: the account is made when the first code is redeemed.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets as random
from datetime import datetime, timedelta

from sqlalchemy import delete, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from mobility.identity import tables
from mobility.identity.addresses import email_hash
from mobility.identity.mailer import Mail
from mobility.identity.riders import get_or_add_rider
from mobility.identity.secrets import Secrets

CODE_LIFETIME = timedelta(minutes=10)
MAX_TRIES = 5


def _code_hash(secrets: Secrets, index: bytes, code: str) -> bytes:
    return hmac.new(secrets.login_code_key, index + code.encode(), hashlib.sha256).digest()


async def request_code(tx: AsyncConnection, secrets: Secrets, address: str, now: datetime) -> Mail:
    """Store a new code in place of an older one; answers the mail to send after the commit."""
    code = f"{random.randbelow(10**6):06d}"
    index = email_hash(secrets.email_index_key, address)
    fresh = {
        "code_hash": _code_hash(secrets, index, code),
        "tries": 0,
        "expires_at": now + CODE_LIFETIME,
    }
    await tx.execute(delete(tables.login_code).where(tables.login_code.c.expires_at <= now))
    await tx.execute(
        insert(tables.login_code)
        .values(email_hash=index, **fresh)
        .on_conflict_do_update(index_elements=["email_hash"], set_=fresh)
    )
    return Mail(
        to=address,
        subject=f"{code} ist dein Anmeldecode",
        text=(
            f"Dein Anmeldecode lautet {code}.\n\n"
            "Er gilt zehn Minuten und nur einmal. Wenn du ihn nicht angefordert hast, "
            "brauchst du nichts zu tun.\n"
        ),
    )


async def redeem(
    tx: AsyncConnection, secrets: Secrets, address: str, code: str, now: datetime
) -> str | None:
    """The rider whom the code signs in; None when it does not. Commit in either case.

    The try is counted before the code is compared, under the row's lock, so that guesses sent at
    the same time count each.
    """
    index = email_hash(secrets.email_index_key, address)
    column = tables.login_code.c
    tried = await tx.execute(
        update(tables.login_code)
        .where(column.email_hash == index, column.tries < MAX_TRIES, column.expires_at > now)
        .values(tries=column.tries + 1)
        .returning(column.code_hash)
    )
    stored = tried.scalar_one_or_none()
    if stored is None or not hmac.compare_digest(stored, _code_hash(secrets, index, code)):
        return None
    await tx.execute(delete(tables.login_code).where(column.email_hash == index))
    return await get_or_add_rider(tx, secrets, address, now)
