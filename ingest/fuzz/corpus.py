"""Corpora for the fuzz targets from real FHIR files, HL7 v2 messages and storages: corpus.py <shared data> <folder>."""

import hashlib
import json
import pathlib
import re
import sys

shared, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
if not shared.is_dir():
    # The seeds that are checked in are few, and enough to begin with.
    print(f"{shared} is not there (set AJISAI_SHARED_DATA): no corpus from real files")
    sys.exit(0)


def put(target, content):
    folder = out / target
    folder.mkdir(parents=True, exist_ok=True)
    if len(content) <= 65536:
        (folder / hashlib.sha1(content).hexdigest()).write_bytes(content)


for folder in ("jp-core", "jp-clins", "consents-ihe-pcf", "consents-r4"):
    for file in sorted((shared / "fhir" / folder).rglob("*.json")):
        # Without its layout: a mutation then meets what is said.
        put("fhir", json.dumps(json.loads(file.read_bytes()), ensure_ascii=False, separators=(",", ":")).encode())
for file in sorted(shared.glob("hl7v2/*/*.hl7")):
    for message in re.split(rb"(?<=[\r\n])(?=MSH\|)", file.read_bytes()):
        put("hl7_records", message)
for root in (shared / "ss-mix2" / "nho-sample", shared / "ss-mix2" / "five-patients" / "ssmix2_root"):
    for file in sorted(root.rglob("*")):
        if file.is_file() and "_" in file.name:
            put("ss_mix2_path", str(file.relative_to(root)).encode())
            if not file.suffix:
                put("hl7_records", file.read_bytes())
print({target.name: len(list(target.iterdir())) for target in sorted(out.iterdir())})
