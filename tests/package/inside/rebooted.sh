. /root/lib.sh

: "booted again, it is active by itself, ready soon, and knows what it knew"
active
knows
started=$(systemctl show edge-agent -p ExecMainStartTimestampMonotonic --value)
ready=$(systemctl show edge-agent -p ActiveEnterTimestampMonotonic --value)
say "from its start to READY: $(((ready - started) / 1000)) ms"

: "under the unit's limits it takes a message a second from each of 20 chargers"
mosquitto_sub -h 127.0.0.1 -t 'evzone/v1/site/state/#' >/root/states &
screen=$!
for second in $(seq 45); do
    for charger in $(seq 101 120); do
        mosquitto_pub -h 127.0.0.1 -q 1 -t "evzone/v1/site/chargers/CHG_$charger/metrics" -m "{
            \"connector_status\": \"CHARGING\", \"connector_id\": 1, \"power\": 7.$((second % 10)),
            \"temperature\": $((25 + (second + charger) % 9))}"
    done
    sleep 0.5
done
kill $screen
[ "$(wc -l </root/states)" -ge 20 ]
pid=$(systemctl show edge-agent -p MainPID --value)
say "memory: $(awk '/VmRSS/ {now = $2} /VmHWM/ {most = $2} END {
    printf "%d MiB now, %d MiB at most", now / 1024, most / 1024}' "/proc/$pid/status");" \
    "limits: $(($(systemctl show edge-agent -p MemoryHigh --value) / 1048576))" \
    "and $(($(systemctl show edge-agent -p MemoryMax --value) / 1048576)) MiB;" \
    "threads: $(ls "/proc/$pid/task" | wc -l) of $(systemctl show edge-agent -p TasksMax --value)"

: "hardened"
systemd-analyze security edge-agent --no-pager --threshold=12 >/dev/null
say "exposure: $(systemd-analyze security edge-agent --no-pager | sed -nE 's/.*Overall exposure level.*: ([0-9.]+).*/\1/p')"

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
