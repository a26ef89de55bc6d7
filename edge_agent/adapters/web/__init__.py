"""The LAN interface: the central service's REST endpoints and the technician's page, on Starlette.

- `keys`: who may do what; API keys in a file
- `limits`: how often; token buckets
- `gate`: the two together, at the door of every request that needs a key
- `question`: from a request's bytes to a checked question
- `replies`, `problems`: what goes out, when it goes well and when it does not
- `endpoint`: one row of the route table; `endpoints`: the table; `openapi`: its description
- `pages`: the technician's page, the documentation and what they load; `probes`: liveness and metrics
- `app`: all of that as one ASGI application
- `connection`, `server`: the socket, the thread's body and what a single connection may cost
"""
