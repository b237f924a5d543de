from tests.booking.conftest import operators, processor, world

__all__ = ["operators", "processor", "world"]
