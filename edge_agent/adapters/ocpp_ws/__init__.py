"""The OCPP-J endpoint: chargers connect to the agent as to their back office, over WebSocket.

- `server`: the socket, the handshake, who may come in, and which of the three below he gets
- `relay`: both directions of a connection, byte for byte, while upstream is there
- `standin`: the same, but answering in upstream's place while it is away
- `alone`: answering where there is no upstream at all
- `legs`: one leg of a connection: how it is opened, and how it ends
- `settings`: what the operator wants
"""

from edge_agent.adapters.ocpp_ws.server import OcppServer
from edge_agent.adapters.ocpp_ws.settings import OcppSettings

__all__ = ["OcppServer", "OcppSettings"]
