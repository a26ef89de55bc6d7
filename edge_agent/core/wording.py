"""The failure answer's words: what an input is called, and what is to be checked because of it."""

from __future__ import annotations

from edge_agent.wire.answers import FailureMode

WORDS = {
    "status_int": ("status code", ""),
    "energy_delivered": ("energy of this session", " kWh"),
    "power": ("power", " kW"),
    "temperature": ("temperature", " °C"),
    "error_count": ("active error codes", ""),
    "uptime_hours": ("time since boot", " h"),
    "total_sessions": ("sessions in its life", ""),
    "days_since_maintenance": ("time since maintenance", " days"),
    "codes_per_day_1d": ("new error codes a day, last day", ""),
    "codes_per_day_7d": ("new error codes a day, last week", ""),
    "codes_per_day_30d": ("new error codes a day, last month", ""),
    "part_codes_per_day_1d": ("new codes that name a part a day, last day", ""),
    "part_codes_per_day_7d": ("new codes that name a part a day, last week", ""),
    "days_since_code": ("time since the last error code", " days"),
    "days_since_part_code": ("time since the last code that names a part", " days"),
    "faults_per_day_30d": ("faults a day, last month", ""),
    "boots_per_day_7d": ("restarts a day, last week", ""),
    "session_energy": ("usual energy of a session", " kWh"),
    "zero_session_share": ("share of sessions without energy", ""),
    "heat_rise": ("heating at full load", " °C"),
    "temperature_excess": ("heating at full load above its own normal", " °C"),
    "power_shortfall": ("share of the asked power that does not come", ""),
    "power_drift": ("change of its highest power, share of the plate", ""),
    "derates_per_day_7d": ("heat codes a day, last week", ""),
    "failed_starts_1d": ("starts without energy a day, last day", ""),
    "failed_starts_7d": ("starts without energy a day, last week", ""),
    "failed_streak": ("starts without energy since the last good one", ""),
    "silence_share_1d": ("share of messages that did not come, last day", ""),
    "silence_share_7d": ("share of messages that did not come, last week", ""),
    "days_since_good_session": ("time since the last good session", " days"),
    "good_session_overdue": ("time since the last good session, times the usual", ""),
    "days_since_fault": ("time since the last fault", " days"),
    "days_observed": ("time that it has been watched", " days"),
}
_HEAT = "Inspect the connector's contacts, fan and air filter for the cause of the heat."
_CODES = "Read the charger's error log: codes are coming more often."
_PART = "Read the charger's error log and test the part that its codes name."
_STARTS = "Try a charge with a known good vehicle and watch at which step it stops: contactor or lock."
_SILENCE = "Check modem, SIM, antenna and network cable: messages are missing."
CHECKS = {
    "temperature": _HEAT,
    "heat_rise": "Inspect the connector's contacts and the fan: full load heats it by {value:.0f} °C.",
    "temperature_excess": "Inspect the connector's contacts: {value:.0f} °C above what its load explains.",
    "derates_per_day_7d": _HEAT,
    "error_count": "Read the charger's error log and clear the cause of the active codes.",
    "codes_per_day_1d": _CODES,
    "codes_per_day_7d": _CODES,
    "codes_per_day_30d": _CODES,
    "part_codes_per_day_1d": _PART,
    "part_codes_per_day_7d": _PART,
    "days_since_code": _CODES,
    "days_since_part_code": _PART,
    "faults_per_day_30d": "Check the part that the last faults named.",
    "boots_per_day_7d": "Check power supply and firmware: it restarts too often.",
    "power_shortfall": "Test the power modules one by one: {value:.0%} of the asked power does not come.",
    "power_drift": "Test the power modules one by one: its highest power has fallen.",
    "zero_session_share": _STARTS,
    "failed_starts_1d": _STARTS,
    "failed_starts_7d": _STARTS,
    "failed_streak": _STARTS,
    "silence_share_1d": _SILENCE,
    "silence_share_7d": _SILENCE,
    "days_since_good_session": _STARTS,
    "good_session_overdue": _STARTS,
    "days_since_maintenance": "Do the routine maintenance that is due.",
    "status_int": "Bring it back into service: it reports that it cannot charge.",
}
"""What a technician checks because of an input that raises the risk; {value} is the input's."""
CODES_CHECK = {
    FailureMode.CONNECTOR: "Inspect the connector: contacts, cable, temperature sensor.",
    FailureMode.COOLING: "Inspect fans and air filter.",
    FailureMode.POWER_MODULE: "Test the power modules one by one.",
    FailureMode.CONTACTOR: "Test the contactor: coil, contacts, welding.",
    FailureMode.LOCK: "Test the connector's lock: motor, latch, feedback switch.",
    FailureMode.CONNECTIVITY: _SILENCE,
    FailureMode.PAYMENT: "Test the card reader and the display.",
}
"""What a technician checks of the part that is likely to fail."""
DONE = "Inspect the charger at the next visit."
NOT_KNOWN = "No better than average: check at the next planned visit."
