# What the scripts share. Each runs in a booted container that has no network, by `sh -eux`.

api() { python3 /root/api.py "$@"; }
wait_until() { for _ in $(seq 60); do "$@" && return; sleep 0.5; done; false; }
active() { wait_until systemctl is-active --quiet edge-agent; }
# `set -e` does not look at what stands behind an exclamation mark.
refused() { if "$@" >/dev/null 2>&1; then return 1; fi; }
logged() { journalctl --no-pager | grep -q "$1"; }
faulty() {
    mosquitto_pub -h 127.0.0.1 -q 1 -t "evzone/v1/site/chargers/$1/metrics" \
        -m '{"connector_status": "FAULTY", "connector_id": 1, "error_codes": ["ConnectorLockFailure"]}'
}
knows() { api alerts items.0.alert_type CHARGER_FAULTED; }
say() { echo "= $*"; }

[ "$(ip -o link show up | grep -cv ' lo:')" = 0 ]
