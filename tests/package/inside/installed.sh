. /root/lib.sh

: "install with no network: the unit is active, the first key works, nothing of it is in a log"
dpkg -i /root/first.deb
active
edge-agent check
api health status healthy
api models total 3
refused logged "$(cat /var/lib/edge-agent/first-key)"
refused runuser -u nobody -- cat /var/lib/edge-agent/first-key
[ "$(systemctl is-active edge-agent-update.timer)" = active ]
[ -e /usr/lib/edge-agent/*/compiled ]
systemctl start edge-agent-update.service

: "a reading in, an alert out"
faulty CHG_001
knows

: "killed, it is there again, and knows what it knew"
kill -9 "$(systemctl show edge-agent -p MainPID --value)"
sleep 1
active
knows

: "frozen, the watchdog ends it, and it is there again"
mkdir -p /run/systemd/system/edge-agent.service.d
printf '[Service]\nWatchdogSec=4\n' >/run/systemd/system/edge-agent.service.d/watchdog.conf
systemctl daemon-reload
systemctl restart edge-agent
active
before=$(systemctl show edge-agent -p MainPID --value)
kill -STOP "$before"
replaced() { [ "$(systemctl show edge-agent -p MainPID --value)" != "$before" ]; }
wait_until replaced
active
[ "$(systemctl show edge-agent -p MainPID --value)" != "$before" ]
journalctl --no-pager -u edge-agent | grep -q -i "watchdog timeout"

: "read again, the configuration holds; a faulty one fails the reload and changes nothing"
sed -i 's/^time_zone = .*/time_zone = "Europe\/Berlin"/' /etc/edge-agent/config.toml
systemctl reload edge-agent
applied() { systemctl show edge-agent -p StatusText --value | grep "applied: maintenance.time_zone"; }
wait_until applied
sed -i 's/^time_zone = .*/time_zone = "Europe\/Nowhere"/' /etc/edge-agent/config.toml
refused systemctl reload edge-agent
logged "Europe/Nowhere' is no time zone"
sed -i 's/^time_zone = .*/time_zone = "Europe\/Berlin"/' /etc/edge-agent/config.toml
active
