. /root/lib.sh

: "a one-time code on the boot partition becomes site, gateway and token, once there is a link"
active
mkdir -p /boot/firmware
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=central \
    -addext subjectAltName=IP:127.0.0.1 -keyout /root/central.key -out /root/central.pem 2>/dev/null
cat >/boot/firmware/edge-agent-enrol <<CODE
url = "https://127.0.0.1:9443"
code = "evz_enrol_one-of-ten-thousand"
ca = """
$(cat /root/central.pem)"""
CODE
refused systemctl start edge-agent-enrol
logged "cannot be reached, try again later"
active
python3 /root/central.py 2>/dev/null &
central=$!
wait_until test ! -e /boot/firmware/edge-agent-enrol
wait_until test -e /root/heard
active
edge-agent check
[ "$(stat -c '%U %G %a' /etc/edge-agent/uplink.token)" = "root edge-agent 640" ]
refused logged "$(cat /etc/edge-agent/uplink.token)"
wait_until mosquitto_sub -h 127.0.0.1 -u viewer -P "$(edge-agent-broker add viewer | awk '{print $2}')" \
    -t evzone/v1/site-7/gateway/status -C 1 -W 5
knows
say "exposure of the enrolment: $(systemd-analyze security edge-agent-enrol --no-pager |
    sed -nE 's/.*Overall exposure level.*: ([0-9.]+).*/\1/p')"
kill $central
