//! ISO-2022-JP as hospitals write it.
//!
//! The bytes are rewritten to EUC-JP, which has the same tables without the state, and decoded as that. The
//! ISO-2022-JP decoder of `encoding_rs` follows the Web, which is stricter than the field: two escape sequences in
//! succession (an empty kanji field) are an error there, and 8-bit kana and JIS X 0212 are unknown.

use std::borrow::Cow;

pub(crate) const ESC: u8 = 0x1b;
/// Never a byte of EUC-JP: becomes U+FFFD.
const WRONG: u8 = 0xff;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Set {
    /// ASCII, or JIS X 0201 Roman, which is taken for ASCII: a sender's `\` must stay the escape sign.
    Roman,
    /// JIS X 0201 half-width kana.
    Kana,
    /// JIS X 0208.
    Kanji,
    /// JIS X 0212.
    Supplement,
}

/// Decodes; the flag says that some bytes had no character.
pub(crate) fn decode(bytes: &[u8]) -> (Cow<'_, str>, bool) {
    if bytes.is_ascii()
        && !bytes.contains(&ESC)
        && let Ok(text) = std::str::from_utf8(bytes)
    {
        return (Cow::Borrowed(text), false);
    }
    let euc = to_euc(bytes);
    let (text, damaged) = encoding_rs::EUC_JP.decode_without_bom_handling(&euc);
    (Cow::Owned(text.into_owned()), damaged)
}

fn to_euc(bytes: &[u8]) -> Vec<u8> {
    let mut euc = Vec::with_capacity(bytes.len());
    let mut set = Set::Roman;
    let mut rest = bytes;
    while let Some((&b, after)) = rest.split_first() {
        if b == ESC {
            match designation(after) {
                Some((designated, length)) => {
                    set = designated.unwrap_or(set);
                    rest = after.get(length..).unwrap_or_default();
                }
                None => {
                    euc.push(b);
                    rest = after;
                }
            }
            continue;
        }
        rest = after;
        match set {
            // A line begins in ASCII, also where its predecessor forgot to go back to it.
            _ if b == b'\r' || b == b'\n' => {
                set = Set::Roman;
                euc.push(b);
            }
            _ if b <= 0x20 => euc.push(b),
            Set::Roman | Set::Kana if (0xa1..=0xdf).contains(&b) => euc.extend([0x8e, b]),
            Set::Roman => euc.push(if b < 0x80 { b } else { WRONG }),
            Set::Kana => match b {
                0x21..=0x5f => euc.extend([0x8e, b | 0x80]),
                _ => euc.push(WRONG),
            },
            Set::Kanji | Set::Supplement => match (b, after.split_first()) {
                (0x21..=0x7e, Some((&second @ 0x21..=0x7e, after))) => {
                    if set == Set::Supplement {
                        euc.push(0x8f);
                    }
                    euc.extend([b | 0x80, second | 0x80]);
                    rest = after;
                }
                _ => euc.push(WRONG),
            },
        }
    }
    euc
}

/// The set an escape sequence calls, and its length without the ESC. `None` inside: the sequence changes nothing here.
fn designation(after: &[u8]) -> Option<(Option<Set>, usize)> {
    Some(match after {
        [b'(', b'B' | b'J' | b'H', ..] => (Some(Set::Roman), 2),
        [b'(', b'I', ..] => (Some(Set::Kana), 2),
        [b'$', b'@' | b'B', ..] => (Some(Set::Kanji), 2),
        [b'$', b'(', b'@' | b'B', ..] => (Some(Set::Kanji), 3),
        [b'$', b'(', b'D', ..] => (Some(Set::Supplement), 3),
        // The right half is JIS X 0201 kana whether it is announced or not; a revision number changes nothing.
        [b')', b'I' | b'J' | b'B', ..] | [b'&', b'@', ..] => (None, 2),
        _ => return None,
    })
}
