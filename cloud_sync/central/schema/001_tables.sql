-- What the central service keeps. Tables keep the names and columns of the service that they come from; every row bears
-- who sent it and where it stood in that gateway's stream, unique together with its time: what comes again finds itself.
-- Partitioned by ts (the gateway's time, immutable); retention drops partitions. There is no default partition: it would
-- block making one, and what no partition covers goes to out_of_range.

CREATE TABLE charger_metrics (
    charger_id text NOT NULL,
    connector_id integer NOT NULL DEFAULT 0,
    connector_status text,
    energy_delivered double precision,
    power double precision,
    temperature double precision,
    error_codes text[],
    metrics jsonb NOT NULL,
    tenant_id text, site_id text NOT NULL, gateway_id text NOT NULL, epoch text NOT NULL, stream text NOT NULL,
    seq bigint NOT NULL, ts timestamptz NOT NULL, clock text NOT NULL, created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (gateway_id, epoch, stream, seq, ts)
) PARTITION BY RANGE (ts);

CREATE TABLE predictions (
    id bigint GENERATED ALWAYS AS IDENTITY,
    charger_id text NOT NULL,
    connector_id integer NOT NULL DEFAULT 0,
    model_type text NOT NULL,
    model_version text,
    prediction_data jsonb NOT NULL,
    confidence double precision,
    predicted_at timestamptz NOT NULL,
    tenant_id text, site_id text NOT NULL, gateway_id text NOT NULL, epoch text NOT NULL, stream text NOT NULL,
    seq bigint NOT NULL, ts timestamptz NOT NULL, clock text NOT NULL, created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (gateway_id, epoch, stream, seq, ts)
) PARTITION BY RANGE (ts);

CREATE TABLE alerts (
    alert_id text NOT NULL,
    charger_id text NOT NULL,
    connector_id integer NOT NULL DEFAULT 0,
    alert_type text NOT NULL,
    severity text NOT NULL,
    state text NOT NULL,
    raised_at timestamptz NOT NULL,
    cleared_at timestamptz,
    message text,
    alert jsonb NOT NULL,
    tenant_id text, site_id text NOT NULL, gateway_id text NOT NULL, epoch text NOT NULL, stream text NOT NULL,
    seq bigint NOT NULL, ts timestamptz NOT NULL, clock text NOT NULL, created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (gateway_id, epoch, stream, seq, ts)
) PARTITION BY RANGE (ts);

CREATE TABLE maintenance_suggestions (
    suggestion_id text,
    charger_id text NOT NULL,
    urgency text,
    action_required boolean,
    recommended_date timestamptz,
    state text,
    suggestion jsonb NOT NULL,
    tenant_id text, site_id text NOT NULL, gateway_id text NOT NULL, epoch text NOT NULL, stream text NOT NULL,
    seq bigint NOT NULL, ts timestamptz NOT NULL, clock text NOT NULL, created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (gateway_id, epoch, stream, seq, ts)
) PARTITION BY RANGE (ts);

CREATE TABLE maintenance_done (
    maintenance_id text,
    charger_id text NOT NULL,
    connector_id integer,
    verdict text,
    failure_mode text,
    action text,
    finished_at timestamptz,
    work jsonb NOT NULL,
    tenant_id text, site_id text NOT NULL, gateway_id text NOT NULL, epoch text NOT NULL, stream text NOT NULL,
    seq bigint NOT NULL, ts timestamptz NOT NULL, clock text NOT NULL, created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (gateway_id, epoch, stream, seq, ts)
) PARTITION BY RANGE (ts);

CREATE TABLE downtime (
    charger_id text NOT NULL,
    connector_id integer NOT NULL DEFAULT 0,
    began_at timestamptz,
    ended_at timestamptz,
    cause text,
    excluded boolean,
    failure boolean,
    outage jsonb NOT NULL,
    tenant_id text, site_id text NOT NULL, gateway_id text NOT NULL, epoch text NOT NULL, stream text NOT NULL,
    seq bigint NOT NULL, ts timestamptz NOT NULL, clock text NOT NULL, created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (gateway_id, epoch, stream, seq, ts)
) PARTITION BY RANGE (ts);

CREATE TABLE attempts (
    charger_id text NOT NULL,
    connector_id integer NOT NULL DEFAULT 0,
    started_at timestamptz,
    ended_at timestamptz,
    failed_at text,
    cause text,
    attempt jsonb NOT NULL,
    tenant_id text, site_id text NOT NULL, gateway_id text NOT NULL, epoch text NOT NULL, stream text NOT NULL,
    seq bigint NOT NULL, ts timestamptz NOT NULL, clock text NOT NULL, created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (gateway_id, epoch, stream, seq, ts)
) PARTITION BY RANGE (ts);

CREATE TABLE gaps (
    lost jsonb NOT NULL,
    tenant_id text, site_id text NOT NULL, gateway_id text NOT NULL, epoch text NOT NULL, stream text NOT NULL,
    seq bigint NOT NULL, ts timestamptz NOT NULL, clock text NOT NULL, created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (gateway_id, epoch, stream, seq, ts)
) PARTITION BY RANGE (ts);

CREATE INDEX ON predictions (site_id, charger_id, ts DESC);
CREATE INDEX ON charger_metrics (site_id, charger_id, ts DESC);
CREATE INDEX ON alerts (alert_id, seq DESC);
CREATE INDEX ON downtime (site_id, charger_id, ts DESC);
CREATE INDEX ON attempts (site_id, charger_id, ts DESC);

-- One row a thing, its newest news: what the dashboard asks first. Guarded by Kafka's append time and offset, not by the
-- gateway's clock or epoch, which may be wrong or cloned.

CREATE TABLE charger_latest (
    site_id text NOT NULL,
    charger_id text NOT NULL,
    connector_id integer NOT NULL,
    tenant_id text,
    gateway_id text NOT NULL,
    connector_status text,
    metrics jsonb,
    metrics_at timestamptz,
    metrics_place bigint[] NOT NULL DEFAULT '{0,0}',
    failure jsonb,
    failure_at timestamptz,
    failure_place bigint[] NOT NULL DEFAULT '{0,0}',
    anomaly jsonb,
    anomaly_at timestamptz,
    anomaly_place bigint[] NOT NULL DEFAULT '{0,0}',
    PRIMARY KEY (site_id, charger_id, connector_id)
);

CREATE TABLE alert_latest (
    alert_id text NOT NULL,
    site_id text NOT NULL,
    charger_id text NOT NULL,
    connector_id integer NOT NULL,
    tenant_id text,
    alert_type text NOT NULL,
    severity text NOT NULL,
    state text NOT NULL,
    raised_at timestamptz NOT NULL,
    cleared_at timestamptz,
    message text,
    alert jsonb NOT NULL,
    seq bigint NOT NULL,
    PRIMARY KEY (site_id, alert_id)
);
CREATE INDEX ON alert_latest (site_id, state) WHERE state <> 'CLEARED';

CREATE TABLE suggestion_latest (
    site_id text NOT NULL,
    charger_id text NOT NULL,
    tenant_id text,
    suggestion jsonb NOT NULL,
    place bigint[] NOT NULL,
    PRIMARY KEY (site_id, charger_id)
);

CREATE TABLE gateways (
    gateway_id text NOT NULL,
    site_id text NOT NULL,
    tenant_id text,
    status jsonb,
    reported_at timestamptz,
    heard_at timestamptz NOT NULL,
    place bigint[] NOT NULL,
    PRIMARY KEY (gateway_id)
);

CREATE TABLE model_metadata (
    name text NOT NULL,
    version text NOT NULL,
    type text NOT NULL DEFAULT 'onnx',
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (name, version)
);

-- What no partition covers (a wrong clock), and what could not be read: kept, and out of the way.

CREATE TABLE out_of_range (
    kind text NOT NULL,
    charger_id text,
    value jsonb NOT NULL,
    tenant_id text, site_id text NOT NULL, gateway_id text NOT NULL, epoch text NOT NULL, stream text NOT NULL,
    seq bigint NOT NULL, ts timestamptz NOT NULL, clock text NOT NULL, created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (gateway_id, epoch, stream, seq, ts)
);

CREATE TABLE dead_letters (
    reason text NOT NULL,
    headers jsonb NOT NULL,
    value bytea,
    topic text NOT NULL, partition integer NOT NULL, "offset" bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition, "offset")
);
