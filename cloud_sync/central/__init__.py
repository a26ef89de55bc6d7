"""The central side: gateways post to `ingest`, which answers once Kafka has it; `sink` goes on to Postgres.

- `settings`: from the environment, CLOUD_SYNC__…
- `tokens`: which gateway a token belongs to
- `envelope`: from a record to a Kafka message, and back
- `ingest`, `producer`: HTTPS to Kafka
- `sink`, `tables`, `partitions`: Kafka to Postgres
- `migrate`, `schema/`: the database's schema and its views
"""
