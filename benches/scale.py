#!/usr/bin/env python3
"""Sends many requests at once, counts what ran and what was recorded, and prints what it cost.

usage: scale.py STAGE AIOPS REQUESTS PROCESSES TARGETS STORED      (by scale.sh)
"""
import glob
import hashlib
import json
import os
import queue
import statistics
import subprocess
import sys
import threading
import time
import uuid

STAGE, AIOPS = sys.argv[1:3]
REQUESTS, PROCESSES, TARGETS, STORED = map(int, sys.argv[3:7])
CONFIG = f"{STAGE}/config.yml"
LOG = f"{STAGE}/audit.jsonl"
TICK = os.sysconf("SC_CLK_TCK")


def fail(why: str) -> None:
    sys.exit(f"scale: {why}")


def send(message: dict) -> tuple[dict, list[int]]:
    """The outcome, and microseconds of wall, user and system time, and the peak in KiB."""
    run = subprocess.run([f"{STAGE}/measure", AIOPS, "run", "--config", CONFIG],
                         input=json.dumps(message), capture_output=True, text=True, check=False)
    try:
        return json.loads(run.stdout), [int(n) for n in run.stderr.splitlines()[-1].split()]
    except (ValueError, IndexError):
        fail(f"exit {run.returncode}: {run.stdout[:300]}{run.stderr[:300]}")
        raise


def cpu_of(pid: int) -> float:
    """Seconds of CPU of a process and of the children it has waited for (proc_pid_stat(5))."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rsplit(") ", 1)[1].split()
    return sum(int(n) for n in fields[11:15]) / TICK


def masters() -> list[int]:
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as file:
                # A master that waits for sessions has made its socket its title: "ssh: PATH [mux]".
                if f"{STAGE}/runtime/ssh/".encode() in file.read():
                    found.append(int(path.split("/")[2]))
        except OSError:
            pass
    return found


def phase(name: str) -> list[list[int]]:
    """All requests; what each cost, in the order in which they were answered."""
    for n in range(1, TARGETS + 1):
        os.makedirs(f"{STAGE}/ran/{name}/srv{n}")
        message = {"target": f"srv{n}", "command": "uptime -p", "requester": "bench", "reason": "makes the connection"}
        if send(message)[0]["status"] != "executed":
            fail(f"srv{n} cannot be reached")
    begun_at = os.path.getsize(LOG)
    waiting: queue.Queue[int] = queue.Queue()
    for number in range(REQUESTS):
        waiting.put(number)
    done: list[tuple[str, dict, list[int]]] = []

    def work() -> None:
        while True:
            try:
                number = waiting.get_nowait()
            except queue.Empty:
                return
            target = f"srv{number % TARGETS + 1}"
            command = f"mkdir {STAGE}/ran/{name}/{target}/{number:06}"
            outcome, cost = send({"target": target, "command": command, "requester": "bench", "reason": "scale"})
            done.append((command, outcome, cost))

    before = {pid: cpu_of(pid) for pid in masters()}
    begun = time.perf_counter()
    threads = [threading.Thread(target=work) for _ in range(PROCESSES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed = time.perf_counter() - begun
    check(name, begun_at, done)
    ssh = sum(cpu_of(pid) - before.get(pid, 0) for pid in masters())
    costs = [cost for _, _, cost in done]
    gate = sum(c[1] + c[2] for c in costs) / 1e6
    print(f"{name}: {REQUESTS} requests in {elapsed:.1f} s ({REQUESTS / elapsed:.0f} a second); CPU: {gate:.2f} s the gates, "
          f"{ssh:.2f} s their {len(before)} ssh masters; every run and record once, the chain verifies\n")
    return costs


def check(name: str, begun_at: int, done: list) -> None:
    for command, outcome, _ in done:
        # A second run of the same mkdir would end with 1.
        if (outcome["status"], outcome.get("exit_code")) != ("executed", 0):
            fail(f"{command}: {json.dumps(outcome)[:400]}")
    wanted = sorted(command.split()[1] for command, _, _ in done)
    if len(wanted) != REQUESTS or sorted(glob.glob(f"{STAGE}/ran/{name}/*/*")) != wanted:
        fail("what ran is not what was asked for")
    events: dict[str, list[str]] = {}
    seqs = []
    with open(LOG, encoding="utf-8") as log:
        log.seek(begun_at)
        for line in log:
            record = json.loads(line)
            seqs.append(record["seq"])
            events.setdefault(record["command"], []).append(record["event"])
    if sorted(events) != sorted(c for c, _, _ in done) or any(e != ["run.started", "run.finished"] for e in events.values()):
        fail("a record is lost, doubled or out of order")
    if seqs != list(range(seqs[0], seqs[0] + 2 * REQUESTS)):
        fail("the numbers of the records have a gap")
    if len({outcome["audit_seq"] for _, outcome, _ in done}) != REQUESTS:
        fail("two answers name one record")
    if os.listdir(f"{STAGE}/runtime/runs"):
        fail("a run is still open")
    verified = subprocess.run([AIOPS, "audit", "verify", "--config", CONFIG], capture_output=True, text=True, check=False)
    if verified.returncode != 0:
        fail(verified.stdout + verified.stderr)


def grow() -> None:
    """A log and a store as after a long time: records with a chain that fits, and copies of a real closed approval."""
    ask = {"target": "srv1", "command": "mkfifo /tmp/x", "requester": "bench", "reason": "to be denied"}
    asked, _ = send(ask)
    if asked["status"] != "approval_requested":
        fail(json.dumps(asked)[:400])
    subprocess.run([AIOPS, "deny", asked["approval_code"], "--config", CONFIG], capture_output=True, check=True)
    (real,) = glob.glob(f"{STAGE}/runtime/approvals/closed/*/*.json")
    with open(real, encoding="utf-8") as file:
        text = file.read()
    now = int(time.time() * 1000)
    for number in range(STORED):
        # The time in the name (RFC 9562, version 7), spread over a year, says the folder.
        stamp = f"{now - number * 365 * 86400000 // STORED:012x}"
        name = f"{stamp[:8]}-{stamp[8:]}-7{uuid.uuid4().hex[:3]}-8{uuid.uuid4().hex[:3]}-{uuid.uuid4().hex[:12]}"
        folder = f"{STAGE}/runtime/approvals/closed/{name[:5]}"
        os.makedirs(folder, mode=0o700, exist_ok=True)
        with open(os.open(f"{folder}/{name}.json", os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
            file.write(text.replace(asked["approval_id"], name))
    with open(LOG, encoding="utf-8") as log:
        last = json.loads(log.readlines()[-1])
    model = next(line for line in open(LOG, encoding="utf-8") if '"event":"run.finished"' in line)
    body = model[model.index(",\"timestamp\""):model.rindex(",\"prev\"")]
    seq, prev = last["seq"], last["hash"]
    with open(LOG, "a", encoding="utf-8") as log:
        for _ in range(STORED):
            seq += 1
            front = f'{{"seq":{seq}{body},"prev":"{prev}"'
            prev = hashlib.sha256((front + "}").encode()).hexdigest()
            log.write(f'{front},"hash":"{prev}"}}\n')


def row(name: str, costs: list[list[int]]) -> None:
    wall = sorted(c[0] / 1000 for c in costs)
    cpu = sorted((c[1] + c[2]) / 1000 for c in costs)
    print(f"| {name} | {statistics.median(wall):.1f} | {wall[len(wall) // 10]:.1f} – {wall[-1 - len(wall) // 10]:.1f} "
          f"| {statistics.median(cpu):.2f} | {cpu[len(cpu) // 10]:.2f} – {cpu[-1 - len(cpu) // 10]:.2f} | {max(c[3] for c in costs) / 1024:.1f} |")


def main() -> None:
    phases = {"new": phase("new")}
    if STORED:
        grow()
        phases["grown"] = phase("grown")
    print("| requests | median ms | 10 % to 90 % | median CPU ms of the gate | 10 % to 90 % | peak MiB |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    titles = {"new": "new log and store", "grown": f"{STORED:,} records and closed approvals before"}
    part = min(100, REQUESTS // 2)
    for name, costs in phases.items():
        row(f"{titles[name]}, first {part}", costs[:part])
        row(f"{titles[name]}, last {part}", costs[-part:])


main()
