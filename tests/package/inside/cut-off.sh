. /root/lib.sh

# Milliseconds since boot.
now() { awk '{print int($1 * 1000)}' /proc/uptime; }
# Begins an upgrade or its way back, and ends it by SIGKILL after a share of the time that it takes.
cut_off() {
    timeout --signal=KILL "$(awk "BEGIN {print $lasts * $2 / 100000}")" dpkg -i "$1" >/dev/null 2>&1 || true
    edge-agent check | grep "^ok  *models"
    systemctl restart edge-agent
    active
    knows
    say "cut off at $2 %: $(edge-agent --version) works, $(dpkg-query -W -f '${db:Status-Status}' edge-agent)"
}

: "an upgrade that is cut off at any moment leaves a working agent, and can be taken up"
active
began=$(now)
dpkg -i /root/second.deb
lasts=$(($(now) - began))
say "an upgrade takes $lasts ms"
dpkg -i /root/first.deb
for share in 10 20 30 45 75; do
    cut_off /root/second.deb $share
done
dpkg -i /root/second.deb
for share in 20 60; do
    cut_off /root/first.deb $share
done
dpkg -i /root/first.deb
active
knows
