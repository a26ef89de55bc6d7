. /root/lib.sh

: "removed, data stay; installed again, they are there; purged, nothing is left"
active
dpkg -r edge-agent
[ -e /var/lib/edge-agent/store.sqlite ]
dpkg -i /root/first.deb
active
knows
dpkg -P edge-agent
for left in /var/lib/edge-agent /etc/edge-agent /usr/lib/edge-agent /usr/share/edge-agent; do [ ! -e "$left" ]; done
refused id edge-agent
refused ls /etc/systemd/system/*.wants/edge-agent*
