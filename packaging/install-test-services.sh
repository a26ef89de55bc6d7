#!/bin/sh
# Installs from Debian what a checkout needs beside Python packages:
#   venv      python3-venv, without which `python3 -m venv` does not work on Debian
#   container what boots a Debian for the package's test
#   arm64     what makes and runs one of another processor, and the image
#   services  what the tests run: mosquitto, strace, openssl, ip, chromium for the page, libgomp1 for the training,
#             and of the central side PostgreSQL, Java and Maven, which fetches Kafka
# Does nothing, and needs no network, when all of it is there already.
set -eu

say() { printf '%s\n' "install-test-services: $*"; }

has() { PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif has sudo; then
        sudo "$@"
    else
        say "root is needed to run: $* (log in as root, or install sudo)" >&2
        exit 1
    fi
}

install() {
    if ! has apt-get; then
        say "please install these by hand, there is no apt-get here: $*" >&2
        exit 1
    fi
    say "installing $* with apt (this may take a minute)"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

case "${1:-}" in
venv)
    install python3-venv
    ;;
services)
    set --
    has mosquitto || set -- "$@" mosquitto
    has strace || set -- "$@" strace
    has ip || set -- "$@" iproute2
    has openssl || set -- "$@" openssl
    has chromium || set -- "$@" chromium
    # LightGBM, which trains the models, is linked against it.
    PATH="$PATH:/usr/sbin:/sbin" ldconfig -p | grep -q 'libgomp\.so\.1' || set -- "$@" libgomp1
    has mvn || set -- "$@" maven
    has java || set -- "$@" default-jre-headless
    if ! has initdb && [ -z "$(find /usr/lib/postgresql -name initdb 2>/dev/null)" ]; then
        set -- "$@" postgresql
        # Debian would make a cluster and start it; the tests make their own.
        as_root mkdir -p /etc/postgresql-common
        [ -e /etc/postgresql-common/createcluster.conf ] ||
            printf 'create_main_cluster = false\n' | as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
    fi
    [ $# -gt 0 ] || exit 0
    install "$@"
    # Debian starts the broker it installs. The tests start their own, so the one that came with us must not stay;
    # one that was there before is its owner's, and is left alone.
    case " $* " in
    *" mosquitto "*)
        if [ -d /run/systemd/system ]; then
            as_root systemctl disable --quiet --now mosquitto
            say "the mosquitto service is installed but switched off: the tests start brokers of their own"
        fi
        ;;
    esac
    ;;
container)
    set --
    has debootstrap || set -- "$@" debootstrap
    has systemd-nspawn || set -- "$@" systemd-container
    [ $# -eq 0 ] || install "$@"
    ;;
arm64)
    set --
    has qemu-aarch64-static || set -- "$@" qemu-user-static binfmt-support
    has buildah || set -- "$@" buildah
    has bwrap || set -- "$@" bubblewrap
    [ $# -eq 0 ] || install "$@"
    # In a container nothing does it at boot.
    [ -e /proc/sys/fs/binfmt_misc/register ] || as_root mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
    [ -e /proc/sys/fs/binfmt_misc/qemu-aarch64 ] || as_root update-binfmts --enable qemu-aarch64
    ;;
*)
    say "usage: $0 venv | services | container | arm64" >&2
    exit 2
    ;;
esac
