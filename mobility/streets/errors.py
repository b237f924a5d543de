"""What can be wrong with an extract, in words for who imports it."""

from __future__ import annotations


class StreetsError(Exception):
    """The file is no extract that streets can be made of; the streets there are stay."""
