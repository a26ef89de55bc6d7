-- What a dashboard asks. Each view has its meaning beside it, in the database too. Rows of several tenants stand in one view:
-- whoever shows them filters by tenant_id.

CREATE VIEW fleet_overview AS
SELECT
    c.tenant_id, c.site_id, c.charger_id, c.connector_id, c.connector_status,
    (c.failure->>'failure_probability')::double precision AS failure_probability,
    c.failure->>'recommended_action' AS recommended_action,
    (c.failure->>'action_required')::boolean AS action_required,
    c.failure->>'predicted_failure_date' AS predicted_failure_date,
    (c.anomaly->>'anomaly_score')::double precision AS anomaly_score,
    c.anomaly->>'anomaly_type' AS anomaly_type,
    coalesce(a.open_alerts, 0) AS open_alerts,
    a.gravest,
    c.metrics_at, c.failure_at, g.heard_at AS gateway_heard_at
FROM charger_latest c
LEFT JOIN (
    SELECT site_id, charger_id, connector_id, count(*) AS open_alerts,
        CASE max(CASE severity WHEN 'CRITICAL' THEN 3 WHEN 'WARNING' THEN 2 ELSE 1 END)
            WHEN 3 THEN 'CRITICAL' WHEN 2 THEN 'WARNING' ELSE 'INFO' END AS gravest
    FROM alert_latest WHERE state <> 'CLEARED'
    GROUP BY site_id, charger_id, connector_id
) a USING (site_id, charger_id, connector_id)
LEFT JOIN gateways g ON g.gateway_id = c.gateway_id;
COMMENT ON VIEW fleet_overview IS 'One row an EVSE: its state, risk, oddness and open alerts, as last heard.';

CREATE VIEW open_alerts AS
SELECT tenant_id, site_id, charger_id, connector_id, alert_id, alert_type, severity, state, raised_at, message, alert
FROM alert_latest WHERE state <> 'CLEARED';
COMMENT ON VIEW open_alerts IS 'Alerts that are open or acknowledged.';

CREATE VIEW maintenance_calendar AS
SELECT
    tenant_id, site_id, charger_id,
    (suggestion->>'recommended_date')::timestamptz AS recommended_date,
    (suggestion->>'deadline')::timestamptz AS deadline,
    suggestion->>'urgency' AS urgency,
    suggestion->>'likely_failure_mode' AS likely_failure_mode,
    suggestion->>'resolution' AS resolution,
    suggestion->>'visit_id' AS visit_id,
    suggestion->>'state' AS state,
    (suggestion->'cost_benefit'->>'net_savings')::double precision AS net_savings,
    suggestion->'parts' AS parts, suggestion->'rationale' AS rationale
FROM suggestion_latest
WHERE (suggestion->>'action_required')::boolean AND coalesce(suggestion->>'state', '') NOT IN ('DONE', 'REJECTED');
COMMENT ON VIEW maintenance_calendar IS 'Maintenance that is suggested or agreed, and not done.';

CREATE VIEW work_queue AS
SELECT
    m.tenant_id, m.site_id,
    coalesce(m.visit_id, m.site_id || '/' || m.charger_id) AS visit_id,
    array_agg(m.charger_id ORDER BY m.charger_id) AS charger_ids,
    min(m.recommended_date) AS recommended_date,
    min(m.deadline) AS deadline,
    sum(coalesce(m.net_savings, 0)) AS net_savings,
    max(CASE m.urgency WHEN 'CRITICAL' THEN 4 WHEN 'HIGH' THEN 3 WHEN 'MEDIUM' THEN 2 ELSE 1 END) AS urgency_rank,
    row_number() OVER (
        PARTITION BY m.tenant_id
        ORDER BY max(CASE m.urgency WHEN 'CRITICAL' THEN 4 WHEN 'HIGH' THEN 3 WHEN 'MEDIUM' THEN 2 ELSE 1 END) DESC,
            sum(coalesce(m.net_savings, 0)) DESC, min(m.deadline) NULLS LAST
    ) AS place
FROM maintenance_calendar m
WHERE coalesce(m.resolution, 'SITE_VISIT') IN ('SITE_VISIT', 'VENDOR')
GROUP BY m.tenant_id, m.site_id, coalesce(m.visit_id, m.site_id || '/' || m.charger_id);
COMMENT ON VIEW work_queue IS
    'Visits over all sites in one ranking: urgency, then what they save. Cut it at the visits a day that there are: WHERE place <= n.';

CREATE VIEW uptime AS
SELECT
    tenant_id, site_id, charger_id, connector_id, month,
    sum(hours) AS downtime_hours,
    coalesce(sum(hours) FILTER (WHERE NOT excluded), 0) AS counted_hours,
    count(*) FILTER (WHERE failure AND began_at >= month) AS failures,
    1 - coalesce(sum(hours) FILTER (WHERE NOT excluded), 0)
        / (extract(epoch FROM least(now(), month + interval '1 month') - month) / 3600) AS uptime
FROM (
    SELECT d.*, month, extract(epoch FROM least(ended_at, month + interval '1 month') - greatest(began_at, month)) / 3600 AS hours
    FROM downtime d
    CROSS JOIN LATERAL generate_series(date_trunc('month', began_at), ended_at, interval '1 month') AS months(month)
    WHERE ended_at > began_at
) outage
GROUP BY tenant_id, site_id, charger_id, connector_id, month;
COMMENT ON VIEW uptime IS
    'Each EVSE and month with an outage: hours down, those that count against the operator (23 CFR 680.116), and the share of the month, or of what has passed of it, without them. A month that is not here had none.';

CREATE VIEW first_time_success AS
SELECT
    tenant_id, site_id, charger_id, connector_id, date_trunc('month', ended_at) AS month,
    count(*) AS attempts,
    count(*) FILTER (WHERE failed_at IS NULL) AS succeeded,
    count(*) FILTER (WHERE (attempt->>'number')::int = 1) AS visits,
    avg((failed_at IS NULL)::int) FILTER (WHERE (attempt->>'number')::int = 1) AS first_time_success
FROM attempts
WHERE coalesce(failed_at, '') NOT IN ('PLUG', 'AUTHORISE')
GROUP BY tenant_id, site_id, charger_id, connector_id, date_trunc('month', ended_at);
COMMENT ON VIEW first_time_success IS
    'Charge attempts by EVSE and month, and the share of visits whose first attempt gave energy; what the user did not get as far as trying is left out.';

CREATE VIEW field_labels AS
SELECT
    a.tenant_id, a.site_id, a.charger_id, a.connector_id, a.alert_id, a.raised_at, a.cleared_at,
    a.alert->'evidence'->>'failure_model' AS model_version,
    a.alert->'evidence'->'reading'->>'vendor' AS vendor,
    a.alert->'evidence'->'reading'->>'firmware' AS firmware,
    (a.alert->'evidence'->>'failure_probability')::double precision AS failure_probability,
    w.verdict, w.finished_at AS verdict_at,
    d.began_at AS failed_at, d.cause AS failure_cause
FROM alert_latest a
LEFT JOIN LATERAL (
    SELECT verdict, finished_at FROM maintenance_done m
    WHERE m.site_id = a.site_id AND m.charger_id = a.charger_id AND m.finished_at >= a.raised_at
        AND (m.work->'alert_ids' ? a.alert_id OR m.connector_id = a.connector_id)
    ORDER BY finished_at LIMIT 1
) w ON true
LEFT JOIN LATERAL (
    SELECT began_at, cause FROM downtime f
    WHERE f.site_id = a.site_id AND f.charger_id = a.charger_id AND f.connector_id = a.connector_id
        AND f.failure AND f.began_at BETWEEN a.raised_at AND a.raised_at + interval '30 days'
    ORDER BY began_at LIMIT 1
) d ON true
WHERE a.alert_type = 'FAILURE_PREDICTED';
COMMENT ON VIEW field_labels IS
    'Each warning of failure with what a technician found, or the failure that came within 30 days: what models are judged by.';

CREATE VIEW gateway_health AS
SELECT
    g.tenant_id, g.site_id, g.gateway_id, g.status->>'status' AS status, g.status->>'version' AS version,
    (g.status->>'backlog')::bigint AS backlog, g.status->>'drift' AS drift, g.reported_at, g.heard_at,
    now() - g.heard_at > interval '1 hour' AS silent,
    (SELECT count(*) FROM gaps WHERE gaps.gateway_id = g.gateway_id AND gaps.ts > now() - interval '30 days') AS gaps_30d
FROM gateways g;
COMMENT ON VIEW gateway_health IS 'Every gateway: when it was last heard, what it says of itself, and how often it had to give something up.';
