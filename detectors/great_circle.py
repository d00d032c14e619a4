"""Distance on the globe."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

EARTH_KM: Final = 6371.0

Degrees = npt.NDArray[Any]


def great_circle_km(lat: Degrees, lon: Degrees, other_lat: Degrees, other_lon: Degrees) -> npt.NDArray[Any]:
    """Kilometres between places in degrees (shapes that broadcast), NaN where one is unknown.

    The haversine formula on a sphere, within 0.5 % of the ellipsoid.

    >>> round(float(great_circle_km(*(np.array([d]) for d in (52.52, 13.405, 48.8566, 2.3522)))[0]))
    877
    """
    a, b = np.radians(lat.astype(np.float64)), np.radians(other_lat.astype(np.float64))
    east = np.radians(other_lon.astype(np.float64)) - np.radians(lon.astype(np.float64))
    half = np.sin((b - a) / 2) ** 2
    half += np.cos(a) * np.cos(b) * np.sin(east / 2) ** 2
    return np.asarray(2 * EARTH_KM * np.arcsin(np.sqrt(np.minimum(half, 1.0))))
