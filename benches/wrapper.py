#!/usr/bin/env python3
"""What aiops is compared with: an honest minimal wrapper as people write it.

Reads a request on stdin, matches the command against regular expressions from a YAML file, runs what is allowed
over ssh (its own master, kept open), and appends a JSON line. It promises nothing of what aiops promises.
usage: wrapper.py FOLDER   (policy.yml, ssh_config, log.jsonl in it)
"""
import json
import re
import subprocess
import sys
import time

import yaml


def main() -> None:
    folder = sys.argv[1]
    with open(f"{folder}/policy.yml", encoding="utf-8") as file:
        policy = yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    request = json.load(sys.stdin)
    command = request["command"]
    if not any(re.fullmatch(rule, command) for rule in policy["auto"]):
        answer = {"status": "approval_requested"}
    elif request.get("dry_run"):
        answer = {"status": "dry_run"}
    else:
        run = subprocess.run(
            ["ssh", "-F", f"{folder}/ssh_config", request["target"], command],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
        answer = {"status": "executed", "exit_code": run.returncode, "stdout": run.stdout, "stderr": run.stderr}
    with open(f"{folder}/log.jsonl", "a", encoding="utf-8") as log:
        log.write(json.dumps({"time": time.time(), "command": command, "status": answer["status"]}) + "\n")
    print(json.dumps(answer))


main()
