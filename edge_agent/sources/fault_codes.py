"""Error codes of OCPP in the contract's vocabulary."""

from __future__ import annotations

import re

from edge_agent.wire.faults import NAMES

CHARGEX_VENDOR = "https://chargex.inl.gov"

_NAMES_NO_FAULT = {None, "", "NoError"}
_NAMES_NO_CAUSE = {*_NAMES_NO_FAULT, "OtherError"}
# Firmware that always fills the field in sends "0", "0x0000", "00-00" or a word for nothing.
_VENDOR_NOTHING = re.compile(r"(0x)?[0 .:_-]*|none|no ?error|ok|null|n/?a", re.IGNORECASE)
# Together with the colon as long as the wire lets a code be.
_MAX_VENDOR_ID = 77
_MAX_VENDOR_CODE = 50
_MAX_CODE = 128


def active_codes(error_code: object, vendor_id: object, vendor_error_code: object) -> tuple[str, ...]:
    """Return the codes that a StatusNotification makes active: none or one.

    The ChargeX name where the vendor code is one; else errorCode, unknown spellings such as `Error`
    kept (lbbrhzn/ocpp 1248); else `vendorId:vendorErrorCode`. OtherError names no cause, so a vendor
    code stands in its place. Source: contract section 1; OCPP 1.6, 7.6.
    """
    code = _text(error_code)
    vendor, vendor_code = _text(vendor_id), _text(vendor_error_code)
    if vendor.rstrip("/").lower() == CHARGEX_VENDOR and vendor_code.upper() in NAMES:
        return (NAMES[vendor_code.upper()],)
    if code not in _NAMES_NO_CAUSE:
        return (code[:_MAX_CODE],)
    if not _VENDOR_NOTHING.fullmatch(vendor_code):
        named = f"{vendor[:_MAX_VENDOR_ID]}:" if vendor else ""
        return (named + vendor_code[:_MAX_VENDOR_CODE],)
    return () if code in _NAMES_NO_FAULT else (code,)


def component_code(component: object, variable: object, tech_code: object) -> str:
    """Return the code that a NotifyEvent of OCPP 2.x tells of.

    The ChargeX name where techCode is or names one; else `component:techCode`, or the variable for want of
    a techCode. Source: contract section 1; OCPP 2.0.1 part 2, N07.
    """
    told = _text(tech_code)
    name = NAMES.get(told) or NAMES.get(told.upper())
    if name is not None:
        return name
    named = _text(component)[:_MAX_VENDOR_ID] or "component"
    return f"{named}:{(told or _text(variable) or 'Problem')[:_MAX_VENDOR_CODE]}"


def _text(value: object) -> str:
    """Return text without blanks around it; some send a vendor's code as a whole number."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63:
        return str(value)
    return value.strip() if isinstance(value, str) else ""
