"""The leaf of `world::a_query`, computed without the ledger's code. Writes the digest that the test expects."""

import hashlib
import struct


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def field(tag, data):
    return bytes([tag]) + struct.pack(">I", len(data)) + data


def number(tag, value):
    return field(tag, struct.pack(">Q", value))


def frontier(*places):
    return b"".join(struct.pack(">IQ", *place) for place in places)


def patient(facility, digits):
    return field(1, facility.encode()) + field(2, digits.encode())


def counts(**rows):
    return b"".join(field(1, category.encode()) + number(2, n) for category, n in rows.items())


SALT = b"\xcd" * 32


def line(place, who, rows):
    salt = sha(b"ajisai ledger line salt 1\0", SALT, struct.pack(">Q", place))
    return b"ajisai ledger line 1\0" + field(1, salt) + field(2, who) + field(3, rows)


lines = [
    line(0, patient("nmc", "00012345"), counts(laboratory=12, medication=3)),
    line(1, patient("nmc", "00067890"), counts(laboratory=1)),
]
leaves = [sha(b"\0", one) for one in lines]
root = sha(b"\1", *leaves)

BEGAN = 1775001600 * 1_000_000  # 2026-04-01T09:00:00+09:00
what = field(1, b"query") + field(2, b"\xab" * 32) + field(4, frontier((0, 5), (1, 120)))
entry = b"ajisai ledger entry 1\0" + b"".join([
    field(1, struct.pack(">IQ", 0, 17)),
    field(2, (0x1234).to_bytes(16, "big")),
    number(3, 0),
    field(4, b"sato"),
    field(5, b"M-1"),
    field(6, b"physician"),
    field(7, b"TREAT"),
    field(8, what),
    field(9, struct.pack(">q", BEGAN)),
    field(10, struct.pack(">q", BEGAN + 60_000_000)),
    field(11, b"completed"),
    number(12, 2),
    field(13, root),
    field(14, sha(b"ajisai ledger salt 1\0", SALT)),
])
print(sha(b"\0", entry).hex())
