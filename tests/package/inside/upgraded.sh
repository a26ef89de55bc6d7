. /root/lib.sh

: "Debian 13 by apt: the agent of Debian 13 is active, and knows what it knew"
grep VERSION_ID=.13 /etc/os-release
active
edge-agent --version
dpkg-query -W edge-agent | grep deb13
edge-agent check
grep -q Berlin /etc/edge-agent/config.toml
knows
