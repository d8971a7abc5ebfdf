"""Corpora for the fuzz targets from real HL7 v2 messages and SS-MIX2 files: corpus.py <shared data> <corpus folder>."""

import hashlib
import pathlib
import re
import sys

shared, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
if not shared.is_dir():
    # Fuzzing begins with nothing then, which it can.
    print(f"{shared} is not there (set AJISAI_SHARED_DATA): no corpus from real messages")
    sys.exit(0)

messages = []
for file in sorted(shared.glob("hl7v2/*/*")):
    if file.suffix in (".hl7", ".out"):
        messages += re.split(rb"(?<=[\r\n])(?=MSH\|)", file.read_bytes())
for file in sorted(shared.glob("ss-mix2/**/*")):
    if file.is_file() and "_" in file.name and not file.suffix:
        messages.append(file.read_bytes())


def put(target, content):
    folder = out / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha1(content).hexdigest()).write_bytes(content)


for message in messages:
    # Every field is asked for everything: a long message takes long under the sanitizer.
    if len(message) <= 2048:
        put("parse", message)
    if len(message) <= 16384:
        put("framing", b"\x0b" + message + b"\x1c\r\x00")
        if b"\x1b" in message:
            put("iso2022", message)
print({target.name: len(list(target.iterdir())) for target in sorted(out.iterdir())})
