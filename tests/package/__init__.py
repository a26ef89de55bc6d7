"""The packages as an integrator has them: in Debians of their own, without a network.

service     Debian 12, booted: installed, used, killed, frozen, booted again, upgraded, the upgrade cut off,
            put back, enrolled, removed, purged; start time and memory under the unit's limits
service-13  the same with Debian 13
release     Debian 12 with data, upgraded to Debian 13 by apt (this one needs the mirror)
arm64       Debian 12 for ARM64 under qemu: installed, checked, a recorded log with the outcomes of amd64
image       the ARM64 image built over Debian 12 under qemu: the same, and healthy on a read-only root
"""
