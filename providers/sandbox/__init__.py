"""A demo operator: a program of its own that speaks TOMP 1.6 and misbehaves on command.

Nothing imports it; it is reached over HTTP, as a real operator is. ``python -m providers.sandbox
--help`` says how it is started.
"""
