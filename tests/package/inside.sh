#!/bin/sh
# Runs inside a booted container that has no network: installs, uses, breaks, upgrades, removes. Says PASSED last.
set -eux

api() { python3 /root/api.py "$@"; }
active() { for _ in $(seq 60); do [ "$(systemctl is-active edge-agent)" = active ] && return; sleep 0.5; done; false; }

# `set -e` does not look at what stands behind an exclamation mark.
refused() { if "$@" >/dev/null 2>&1; then return 1; fi; }
logged() { journalctl --no-pager | grep -q "$1"; }

[ "$(ip -o link show up | grep -cv ' lo:')" = 0 ]

: "install with no network: the unit is active, the first key works, nothing of it is in a log"
dpkg -i /root/first.deb
active
edge-agent check
api health status healthy
api models total 3
refused logged "$(cat /var/lib/edge-agent/first-key)"
refused runuser -u nobody -- cat /var/lib/edge-agent/first-key

: "a reading in, an alert out"
mosquitto_pub -h 127.0.0.1 -q 1 -t evzone/v1/site/chargers/CHG_001/metrics \
    -m '{"connector_status": "FAULTY", "connector_id": 1, "error_codes": ["ConnectorLockFailure"]}'
api alerts items.0.alert_type CHARGER_FAULTED

: "killed, it is there again, and knows what it knew"
kill -9 "$(systemctl show edge-agent -p MainPID --value)"
sleep 1
active
api alerts items.0.alert_type CHARGER_FAULTED

: "frozen, the watchdog ends it, and it is there again"
mkdir -p /run/systemd/system/edge-agent.service.d
printf '[Service]\nWatchdogSec=4\n' >/run/systemd/system/edge-agent.service.d/watchdog.conf
systemctl daemon-reload
systemctl restart edge-agent
active
before=$(systemctl show edge-agent -p MainPID --value)
kill -STOP "$before"
for _ in $(seq 60); do
    [ "$(systemctl show edge-agent -p MainPID --value)" != "$before" ] && break
    sleep 0.5
done
active
[ "$(systemctl show edge-agent -p MainPID --value)" != "$before" ]
journalctl --no-pager -u edge-agent | grep -q -i "watchdog timeout"

: "upgraded: data, keys and an edited configuration survive"
sed -i 's/^time_zone = .*/time_zone = "Europe\/Berlin"/' /etc/edge-agent/config.toml
dpkg -i /root/second.deb
active
edge-agent --version | grep -q "0.1.1"
grep -q Berlin /etc/edge-agent/config.toml
api alerts items.0.alert_type CHARGER_FAULTED

: "put back"
dpkg -i /root/first.deb
active
api alerts items.0.alert_type CHARGER_FAULTED

: "hardened"
systemd-analyze security edge-agent --no-pager --threshold=12

: "removed, data stay; installed again, they are there; purged, nothing is left"
dpkg -r edge-agent
[ -e /var/lib/edge-agent/store.sqlite ]
dpkg -i /root/first.deb
active
api alerts items.0.alert_type CHARGER_FAULTED
dpkg -P edge-agent
for left in /var/lib/edge-agent /etc/edge-agent /usr/lib/edge-agent /usr/share/edge-agent; do [ ! -e "$left" ]; done
refused id edge-agent

echo PASSED
