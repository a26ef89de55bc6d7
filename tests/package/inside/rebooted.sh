. /root/lib.sh

: "booted again, it is active by itself, ready soon, and knows what it knew"
active
knows
started=$(systemctl show edge-agent -p ExecMainStartTimestampMonotonic --value)
ready=$(systemctl show edge-agent -p ActiveEnterTimestampMonotonic --value)
say "from its start to READY: $(((ready - started) / 1000)) ms"

: "under the unit's limits it takes a message a second from each of 20 chargers"
mosquitto_sub -h 127.0.0.1 -t 'evzone/v1/site/state/#' >/root/states &
for second in $(seq 60); do
    for charger in $(seq 20); do
        printf '{"connector_status": "CHARGING", "connector_id": 1, "power": 7.%d, "temperature": %d}\n' \
            "$((second % 10))" "$((25 + (second + charger) % 9))" |
            mosquitto_pub -h 127.0.0.1 -q 1 -t "evzone/v1/site/chargers/CHG_1$(printf '%02d' "$charger")/metrics" -s
    done
done
[ "$(wc -l </root/states)" -ge 20 ]
kill %1
group=/sys/fs/cgroup$(systemctl show edge-agent -p ControlGroup --value)
say "memory of the unit: $(($(cat "$group/memory.current") / 1048576)) MiB now," \
    "$(grep -E '^anon ' "$group/memory.stat" | awk '{print int($2 / 1048576)}') MiB its own," \
    "$(($(cat "$group/memory.peak" 2>/dev/null || echo 0) / 1048576)) MiB at most;" \
    "tasks: $(cat "$group/pids.current") of $(systemctl show edge-agent -p TasksMax --value)"

: "hardened"
systemd-analyze security edge-agent --no-pager --threshold=12 | tail -n 1
say "exposure: $(systemd-analyze security edge-agent --no-pager | tail -n 1 | grep -o '[0-9.]*' | head -n 1)"

: "upgraded: data, keys and an edited configuration survive"
dpkg -i /root/second.deb
active
edge-agent --version | grep -q "0.1.1"
grep -q Berlin /etc/edge-agent/config.toml
knows

: "put back"
dpkg -i /root/first.deb
active
edge-agent --version | grep -q "0.1.0"
knows
