. /root/lib.sh

: "the box's mosquitto for the site: accounts, rights, nobody without a name; what was edited stays"
active
refused edge-agent-broker add CHG_007
edge-agent-broker setup
active
edge-agent check
password=$(edge-agent-broker add CHG_007 | awk '{print $2}')
active
refused mosquitto_pub -h 127.0.0.1 -q 1 -t evzone/v1/site/chargers/CHG_007/metrics -m '{}'
mosquitto_pub -h 127.0.0.1 -q 1 -u CHG_007 -P "$password" -t evzone/v1/site/chargers/CHG_007/metrics \
    -m '{"connector_status": "FAULTY", "connector_id": 1, "error_codes": ["EVSEMelted"]}'
api "alerts?charger_id=CHG_007" items.0.alert_type CHARGER_FAULTED
echo '# ours' >>/etc/mosquitto/conf.d/edge-agent.conf
edge-agent-broker setup | grep "left as it is"
grep -q '# ours' /etc/mosquitto/conf.d/edge-agent.conf
active
