. /root/lib.sh

: "an upgrade that is cut off at any moment leaves a working agent, and can be taken up"
active
for moment in 0.05 0.3 0.6 0.9 1.2 1.5 1.8 2.1 2.5 3 4; do
    timeout --signal=KILL "$moment" dpkg -i /root/second.deb >/dev/null 2>&1 || true
    edge-agent check | grep models
    systemctl restart edge-agent
    active
    knows
    say "cut off after $moment s: $(edge-agent --version), $(dpkg-query -W -f '${db:Status-Status}' edge-agent)"
    dpkg -i /root/second.deb
    timeout --signal=KILL "$moment" dpkg -i /root/first.deb >/dev/null 2>&1 || true
    edge-agent check | grep models
    systemctl restart edge-agent
    active
    dpkg -i /root/first.deb
done
active
knows
