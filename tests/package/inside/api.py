"""`api.py PATH FIELD VALUE`: wait until the agent's answer has the value. Inside the container."""

import json
import ssl
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

path, field, wanted = sys.argv[1:]
key = Path("/var/lib/edge-agent/first-key").read_text().strip()
told: Any = None
for _ in range(60):
    try:
        asked = urllib.request.Request(f"https://127.0.0.1:8443/api/v1/{path}", headers={"X-API-Key": key})
        answer = urllib.request.urlopen(asked, context=ssl._create_unverified_context(), timeout=5)
        told = json.load(answer)
        for step in field.split("."):
            told = told[int(step)] if step.isdigit() else told[step]
        if str(told) == wanted:
            print(path, field, told)
            sys.exit(0)
    except (OSError, LookupError):
        told = None
    time.sleep(0.5)
sys.exit(f"{path}: {field} is {told}, not {wanted}")
