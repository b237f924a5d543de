"""The nearest place is the first of those around, sorted by distance."""

from random import Random

from gtfs.geo import LatLon
from mobility.planning.places.near import Points


def test_the_nearest_point_is_the_first_of_those_within() -> None:
    random = Random(5)
    lats = [53.8 + random.randrange(200) * 1e-4 for _ in range(300)]
    lons = [10.6 + random.randrange(200) * 1e-4 for _ in range(300)]
    points = Points([*lats, *lats[:40]], [*lons, *lons[:40]])
    found, expected = [], []
    for _ in range(400):
        at = LatLon(53.8 + random.uniform(-1e-3, 0.021), 10.6 + random.uniform(-1e-3, 0.021))
        metres = random.choice([20, 60, 300])
        within, _ = points.within(at, metres)
        found.append(points.nearest(at, metres))
        expected.append(int(within[0]) if len(within) else None)
    assert found == expected
    assert None in found
