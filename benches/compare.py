#!/usr/bin/env python3
"""Times whole processes side by side: every case once a round, in a new order each round. Prints one table.

usage: compare.py ROUNDS CASES.json MEASURE   (the program of measure.c; and a list of {"name", "argv", "stdin", "base"?, "expect"?, "exit"?}; base names the cases of the ratios)
"""
import json
import random
import statistics
import subprocess
import sys
import time


def once(case: dict) -> float:
    start = time.perf_counter()
    process = subprocess.Popen(case["argv"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = process.communicate(case.get("stdin", "").encode())
    elapsed = time.perf_counter() - start
    if process.returncode != case.get("exit", 0):
        sys.exit(f"{case['name']}: exit {process.returncode}: {err.decode()[:400]}{out.decode()[:400]}")
    if case.get("expect", "") not in out.decode():
        sys.exit(f"{case['name']}: {case['expect']!r} is not in {out.decode()[:400]}")
    return elapsed * 1000


def peak(case: dict) -> float:
    """Peak resident memory in MiB, of a run by itself."""
    argv = [sys.argv[3], *case["argv"]]
    out = subprocess.run(argv, input=case.get("stdin", "").encode(), capture_output=True, check=False)
    return int(out.stderr.split()[-1]) / 1024


def main() -> None:
    rounds = int(sys.argv[1])
    with open(sys.argv[2], encoding="utf-8") as file:
        cases = json.load(file)
    times: dict[str, list[float]] = {case["name"]: [] for case in cases}
    for case in cases:
        once(case)
    for _ in range(rounds):
        for case in random.sample(cases, len(cases)):
            times[case["name"]].append(once(case))
    medians = {name: statistics.median(values) for name, values in times.items()}
    print("| case | median ms | 10 % to 90 % | peak MiB | ratio |")
    print("| --- | ---: | ---: | ---: | --- |")
    for case in cases:
        values = sorted(times[case["name"]])
        low, high = values[len(values) // 10], values[-1 - len(values) // 10]
        ratios = ", ".join(f"{medians[case['name']] / medians[base]:.2f} × {base}" for base in case.get("base", []))
        print(f"| {case['name']} | {medians[case['name']]:.2f} | {low:.2f} – {high:.2f} | {peak(case):.1f} | {ratios} |")


main()
