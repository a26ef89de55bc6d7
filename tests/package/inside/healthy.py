"""Runs a daemon until its health check, asked each second, is content; says how it runs, and ends it.

Arguments: the command of the daemon, that of the check, both as lists in JSON.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

PATIENCE_S = 120

command, asked = (json.loads(argument) for argument in sys.argv[1:])
daemon = subprocess.Popen(command)
began = time.monotonic()
while subprocess.run(asked, check=False, stderr=subprocess.DEVNULL).returncode:
    if daemon.poll() is not None or time.monotonic() - began > PATIENCE_S:
        sys.exit(f"not healthy after {time.monotonic() - began:.0f} s")
    time.sleep(1)
status = Path(f"/proc/{daemon.pid}/status").read_text()
uid = next(line.split()[1] for line in status.splitlines() if line.startswith("Uid:"))
daemon.terminate()
print(f"healthy after {time.monotonic() - began:.0f} s, uid {uid}, ended with {daemon.wait()}")
