"""What the agent says to a charger in its back office's place: pure, no socket and no clock.

- `frames`: an OCPP-J frame, read as far as a relay must understand it
- `answers`: what a back office answers to each action
- `conversation`: one charger's conversation: relay, stand in, catch up

`adapters/ocpp_ws.py` carries the bytes, `adapters/sqlite/ledger.py` keeps what upstream is still owed.
"""
