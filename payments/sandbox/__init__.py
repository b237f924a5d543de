"""A payment processor as a program of its own, for the demo and for tests.

It speaks the part of Stripe's HTTP API that ``payments.stripe_gateway`` uses, keeps its own state
in its own file, and misbehaves on command. Nothing imports it: it is reached over HTTP.
"""
