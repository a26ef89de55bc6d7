"""Times as columns hold them: whole microseconds since 1970, UTC."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def microseconds(moment: datetime) -> int:
    """Return a moment as a column holds it, exactly."""
    return (moment - EPOCH) // MICROSECOND


def moment_of(since_epoch: int) -> datetime:
    """Return the moment that a column holds."""
    return EPOCH + since_epoch * MICROSECOND
