"""The Python parsers on the files that benches/parse.rs reads: MB/s, best of three, every tenth message (--every=N).

    python3 -m venv .venv && .venv/bin/pip install hl7==0.4.5 hl7apy==1.3.5
    .venv/bin/python ingest/hl7v2/benches/parse.py ../shared/data/hl7v2

Each parser is given what it can read, as decoded text with CR line ends; what it refuses is counted and not timed.
With --with-ours the Rust measurement runs first, so that all figures are of one run on one machine.
"""

import pathlib
import re
import subprocess
import sys
import time


def messages(folder):
    found = []
    for file in sorted(folder.iterdir()):
        if file.suffix not in (".hl7", ".out"):
            continue
        text = file.read_bytes().decode("utf-8-sig", errors="replace").replace("\r\n", "\r").replace("\n", "\r")
        found += [m.strip("\r") + "\r" for m in re.split(r"\r(?=MSH)", text) if m.strip("\r").startswith("MSH")]
    return found


def best(parse, texts):
    readable, refused = [], 0
    for text in texts:
        try:
            parse(text)
            readable.append(text)
        except Exception:  # the parsers raise many kinds, and any is a refusal
            refused += 1
    total = sum(len(text.encode()) for text in readable)
    if not readable:
        return "-", refused
    times = []
    for _ in range(3):
        begun = time.perf_counter()
        for text in readable:
            parse(text)
        times.append(time.perf_counter() - begun)
    return f"{total / min(times) / 1e6:.2f}", refused


def main():
    arguments = [a for a in sys.argv[1:] if not a.startswith("--")]
    root = pathlib.Path(arguments[0] if arguments else "../shared/data/hl7v2")
    # hl7apy needs minutes for all of them.
    every = next((int(a.split("=")[1]) for a in sys.argv if a.startswith("--every=")), 10)
    if "--with-ours" in sys.argv:
        subprocess.run(["cargo", "bench", "-p", "hl7v2", "--bench", "parse"], check=True)
    import hl7
    from hl7apy.parser import parse_message

    print(f"{'files':<20}{'messages':>10}{'hl7 MB/s':>12}{'refused':>10}{'hl7apy MB/s':>14}{'refused':>10}")
    for name in ["simhospital", "linuxforhealth", "ms-fhir-converter"]:
        texts = messages(root / name)[::every]
        one, one_refused = best(hl7.parse, texts)
        other, other_refused = best(lambda text: parse_message(text, find_groups=False), texts)
        print(f"{name:<20}{len(texts):>10}{one:>12}{one_refused:>10}{other:>14}{other_refused:>10}")


if __name__ == "__main__":
    main()
