"""What can go wrong, as one tree.

    EdgeAgentError
    ├── ConfigError          the configuration cannot be used as it stands
    ├── StoreError           the database refuses: full disk, read-only, I/O error, locked
    │   └── StoreCorrupt     the file is not a sound database
    ├── ModelError           a model file must not go live
    ├── UpdateError          a release of the models cannot be fetched, is not to be trusted or does not fit
    ├── BrokerError          the broker cannot be used as configured
    └── Busy                 the pipeline did not answer in time; try again

Bad *input* is none of these: a decoder returns it as a value, `Rejected`, and a request is
answered with a problem document.
"""

from __future__ import annotations

from dataclasses import dataclass


class EdgeAgentError(Exception):
    """Anything that the agent raises of its own accord."""


class ConfigError(EdgeAgentError):
    """The configuration cannot be used. `faults` has a sentence for each thing to mend."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


class StoreError(EdgeAgentError):
    """The store cannot read or write now."""


class StoreCorrupt(StoreError):
    """The store's file is damaged."""


class ModelError(EdgeAgentError):
    """A model failed one of the checks at loading; the sentence says which."""


class UpdateError(EdgeAgentError):
    """A release of the models was refused or could not be had; what judged goes on."""


class BrokerError(EdgeAgentError):
    """The broker cannot be used as configured."""


class Busy(EdgeAgentError):
    """The pipeline thread did not take the command in time."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """Input that could not be understood, with the reason a technician reads in the quarantine."""

    reason: str


DEFECT = Rejected("the agent failed on it by a defect of its own; please report it")
