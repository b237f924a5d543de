"""What one API or worker process is composed of. Made in ``mobility.composition``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import httpx
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from mobility.booking.desk import Desk
from mobility.cities.city import City
from mobility.identity.mailer import Mailer
from mobility.identity.secrets import Secrets
from mobility.identity.vault import Vault
from mobility.identity.verify_pass import PassOffice
from mobility.live import Changes
from mobility.planning.search import Planner
from mobility.realtime.polling import Realtime
from mobility.sales_watch import SalesWatch
from mobility.settings import Settings
from payments.gateway import Gateway
from providers.mirror import Mirror
from providers.port import Provider
from providers.snapshots import Snapshots
from providers.stanza import ProviderStanza
from providers.values import ProviderId


@dataclass(frozen=True, slots=True)
class Wiring:
    """The collaborators of a process, each made once."""

    settings: Settings
    secrets: Secrets
    vault: Vault
    clock: Callable[[], datetime]
    city: City
    engine: AsyncEngine
    redis: Redis
    http: httpx.AsyncClient
    stanzas: Mapping[ProviderId, ProviderStanza]
    providers: Mapping[ProviderId, Provider]
    snapshots: Snapshots
    mirror: Mirror
    planner: Planner
    realtime: Realtime
    gateway: Gateway
    mailer: Mailer
    changes: Changes
    desk: Desk
    sales: SalesWatch
    pass_office: PassOffice
