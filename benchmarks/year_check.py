"""Whether a made year is one: the parts fit the totals, and there is no seam."""

from datetime import timedelta

from portal.metrics import METRICS, Dimension, Period, Unit
from portal.reporting import history
from portal.reporting.history import Asked, Series
from portal.services import Services

#: How far two periods of four weeks may differ, where so many things were counted in each.
_LIKE, _ENOUGH = 1.25, 1000


def check_year(portal: Services) -> None:
    """Make sure that the year is one: the parts fit the totals, and its end is like what was before.

    Raises:
        ValueError: it is not.
    """
    end = portal.clock().date() - timedelta(days=2)
    asked = Asked(Period(end - timedelta(days=27), end))
    keys = [key for key, metric in METRICS.items() if Dimension.LANGUAGE in metric.by]
    with portal.database.read() as connection:
        whole = history.series(connection, asked, list(METRICS))
        parts = history.apart(connection, asked, keys, Dimension.LANGUAGE)
    for key in keys:
        for name in ("count", "over", "unknown"):
            of_parts = sum(getattr(part[key].total, name) for part in parts.values())
            if of_parts != getattr(whole[key].total, name):
                raise ValueError(f"{key}: {of_parts} in all languages, {getattr(whole[key].total, name)} in all")
    for key, series in whole.items():
        if METRICS[key].unit is Unit.COUNT and sum(point.count for _day, point in series.points) != series.total.count:
            raise ValueError(f"{key}: the days do not make the total")
    if missing := [key for key, series in whole.items() if series.total.value is None or series.previous.value is None]:
        raise ValueError(f"nothing is known of {missing}")
    for place, each in {"all": whole, **parts}.items():
        for key, series in each.items():
            _check_like(f"{key}, {place}", series)


def _check_like(name: str, series: Series) -> None:
    """Make sure that a figure is there in both periods, and nearly the same; few things may differ by chance."""
    value, before = series.total.value, series.previous.value
    is_told = max(series.total.over, series.previous.over) >= _ENOUGH
    if not (value and before):
        if not is_told:
            return
        raise ValueError(f"{name}: {value}, before {before}")
    is_enough = min(series.total.count, series.previous.count) >= _ENOUGH
    if is_enough and not 1 / _LIKE < value / before < _LIKE:
        raise ValueError(f"{name}: {value}, before {before}")
    if series.metric.unit is Unit.STARS and not 1 <= value <= 5:
        raise ValueError(f"{name}: {value} stars")
