"""Brings the site's answers to the central Kafka and Postgres. It sees `edge_agent.wire` and nothing else."""
