"""The schema of everything that crosses an edge; each field is described here once.

- `metrics`: what a charger says of itself
- `reading`: that, with where and when it came from
- `answers`: failure, anomaly and maintenance answers
- `alert`: an alert and its life
- `rest`: requests, lists, health and problems of the LAN interface
- `service`: downtime, attempts to charge, and work done
- `outbox`: records on their way up
"""
