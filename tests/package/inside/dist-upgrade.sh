# Brings this Debian to the next release by apt, and the agent with it from a repository beside: SUITE NEXT PACKAGE.
export DEBIAN_FRONTEND=noninteractive
mkdir -p /root/repository
cp "/root/$3" /root/repository/
(
    cd /root/repository
    dpkg-deb -f "$3"
    printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n' "$3" "$(stat -c %s "$3")" "$(sha256sum "$3" | cut -d ' ' -f 1)"
) >/root/Packages
mv /root/Packages /root/repository/
sed -i "s/\b$1\b/$2/g" /etc/apt/sources.list
echo 'deb [trusted=yes] file:/root/repository ./' >/etc/apt/sources.list.d/beside.list
apt-get -o APT::Sandbox::User=root -q update
apt-get -o APT::Sandbox::User=root -o Dpkg::Options::=--force-confold -q -y full-upgrade
rm /etc/apt/sources.list.d/beside.list
