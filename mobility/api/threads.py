"""Where searches run: in threads, so that nobody else's request waits for them.

Only a few at once, the others in the order they came. Python runs one thread at a time: more of
them would make every search as slow as all of them together.
"""

from __future__ import annotations

from anyio import CapacityLimiter

SEARCHES_AT_ONCE = 2
searches = CapacityLimiter(SEARCHES_AT_ONCE)
