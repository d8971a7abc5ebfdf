//! Character sets: by what `MSH-18` says, and by the bytes where it says nothing.

use crate::{ErrorCode, Fault, Location, Syntax, iso2022};
use encoding_rs::Encoding;
use std::borrow::Cow;

/// A character set a message may come in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Charset {
    /// ASCII. A message that says so and has other bytes is looked at as if it had said nothing.
    Ascii,
    /// UTF-8.
    Utf8,
    /// UTF-16; big-endian without a byte-order mark.
    Utf16,
    /// JIS X 0201, 0208 and 0212 by escape sequences (`ISO IR14`, `IR13`, `IR87`, `IR159`), as SS-MIX2 writes.
    Iso2022Jp,
    /// Shift_JIS with the extensions of Windows.
    ShiftJis,
    /// EUC-JP.
    EucJp,
    /// ISO 8859, part 1 to 15. Part 1 is read with the extensions of Windows.
    Iso8859(u8),
    /// GB 18030.
    Gb18030,
    /// Big5.
    Big5,
    /// KS X 1001.
    EucKr,
}

/// Text and what was found out on the way.
pub(crate) struct Decoded<'b> {
    pub text: Cow<'b, str>,
    pub charset: Charset,
    /// Some bytes have no character in the set and became U+FFFD.
    pub damaged: bool,
}

impl Charset {
    /// From one repetition of `MSH-18` (HL7 table 0211), in the spellings that occur. `None`: not a known name.
    pub fn from_name(name: &str) -> Option<Self> {
        let plain: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
        Some(match plain.as_str() {
            "ASCII" | "USASCII" | "ISOIR6" | "ISO646" => Self::Ascii,
            "UNICODEUTF8" | "UTF8" | "UNICODE" | "ISOIR192" => Self::Utf8,
            "UNICODEUTF16" | "UTF16" => Self::Utf16,
            "ISOIR13" | "ISOIR14" | "ISOIR87" | "ISOIR159" | "ISO2022JP" | "JIS" | "JISX0208" => Self::Iso2022Jp,
            "SHIFTJIS" | "SJIS" | "MS932" | "CP932" | "WINDOWS31J" | "XSJIS" => Self::ShiftJis,
            "EUCJP" | "EUC" | "XEUCJP" => Self::EucJp,
            "ISOIR100" | "WINDOWS1252" | "CP1252" | "LATIN1" => Self::Iso8859(1),
            "GB180302000" | "GB18030" => Self::Gb18030,
            "BIG5" => Self::Big5,
            "KSX1001" | "EUCKR" => Self::EucKr,
            other => {
                let part = other.strip_prefix("ISO").unwrap_or(other).strip_prefix("8859")?;
                let part = part.parse().ok().filter(|part| matches!(part, 1..=11 | 13..=15))?;
                Self::Iso8859(part)
            }
        })
    }

    /// Whether the repetitions of `MSH-18` are names of sets, or nothing.
    pub(crate) fn are_names(names: &str, syntax: &Syntax) -> bool {
        Self::of_names(names, syntax.repetition).is_ok()
    }

    /// The set the repetitions of `MSH-18` name together, `None` when they name none. The first is the one a message begins
    /// in; an empty first repetition before `ISO IR87` is ASCII with escape sequences.
    fn of_names(names: &str, repetition: u8) -> Result<Option<Self>, Fault> {
        let mut found = None;
        for name in
            names.split(char::from(repetition)).map(str::trim).filter(|name| !name.is_empty() && *name != "\"\"")
        {
            let Some(charset) = Self::from_name(name) else {
                let rule = "a character set of HL7 table 0211, such as `UNICODE UTF-8` or `~ISO IR87`";
                return Err(Fault::new(Location::header(18), ErrorCode::TableValue, rule));
            };
            // The escape sequences of ISO 2022 hold whatever set the message begins in.
            found = match found {
                None | Some(Self::Ascii) => Some(charset),
                Some(_) if charset == Self::Iso2022Jp => Some(charset),
                known => known,
            };
        }
        Ok(found)
    }

    fn encoding(self) -> &'static Encoding {
        match self {
            Self::Ascii | Self::Utf8 => encoding_rs::UTF_8,
            Self::Utf16 => encoding_rs::UTF_16BE,
            Self::Iso2022Jp => encoding_rs::ISO_2022_JP,
            Self::ShiftJis => encoding_rs::SHIFT_JIS,
            Self::EucJp => encoding_rs::EUC_JP,
            Self::Iso8859(part) => match part {
                2 => encoding_rs::ISO_8859_2,
                3 => encoding_rs::ISO_8859_3,
                4 => encoding_rs::ISO_8859_4,
                5 => encoding_rs::ISO_8859_5,
                6 => encoding_rs::ISO_8859_6,
                7 => encoding_rs::ISO_8859_7,
                8 => encoding_rs::ISO_8859_8,
                9 => encoding_rs::WINDOWS_1254,
                10 => encoding_rs::ISO_8859_10,
                11 => encoding_rs::WINDOWS_874,
                13 => encoding_rs::ISO_8859_13,
                14 => encoding_rs::ISO_8859_14,
                15 => encoding_rs::ISO_8859_15,
                _ => encoding_rs::WINDOWS_1252,
            },
            Self::Gb18030 => encoding_rs::GB18030,
            Self::Big5 => encoding_rs::BIG5,
            Self::EucKr => encoding_rs::EUC_KR,
        }
    }

    /// Decodes bytes of this set. The flag says that some had no character in it and became U+FFFD.
    pub fn decode(self, bytes: &[u8]) -> (Cow<'_, str>, bool) {
        match self {
            Self::Iso2022Jp => iso2022::decode(bytes),
            other => other.encoding().decode_without_bom_handling(bytes),
        }
    }

    /// Encodes text; what the set does not have becomes `?`.
    pub fn encode(self, text: &str) -> Vec<u8> {
        if matches!(self, Self::Ascii) {
            return text.chars().map(|c| u8::try_from(c).ok().filter(u8::is_ascii).unwrap_or(b'?')).collect();
        }
        if matches!(self, Self::Utf16) {
            return text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        }
        let (bytes, _, unmappable) = self.encoding().encode(text);
        if !unmappable {
            return bytes.into_owned();
        }
        // encoding_rs writes `&#12345;` for these, and `&` is a delimiter.
        let known = |c: char| !self.encoding().encode(c.encode_utf8(&mut [0; 4])).2;
        let text: String = text.chars().map(|c| if known(c) { c } else { '?' }).collect();
        self.encoding().encode(&text).0.into_owned()
    }
}

const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// Decodes a whole message: byte-order mark, then `MSH-18`, then `default`, then the bytes themselves.
pub(crate) fn decode_message(bytes: &[u8], default: Option<Charset>) -> Result<Decoded<'_>, Fault> {
    if let Some(bytes) = bytes.strip_prefix(UTF8_MARK) {
        return Ok(decoded(bytes, Charset::Utf8));
    }
    if bytes.starts_with(b"\xfe\xff") || bytes.starts_with(b"\xff\xfe") {
        let (text, _, damaged) = encoding_rs::UTF_16BE.decode(bytes);
        return Ok(Decoded { text, charset: Charset::Utf16, damaged });
    }
    if bytes.starts_with(b"\0M\0S\0H") {
        return Ok(decoded(bytes, Charset::Utf16));
    }
    match declared(bytes)?.filter(|charset| *charset != Charset::Utf16) {
        None | Some(Charset::Ascii) if bytes.is_ascii() && !bytes.contains(&iso2022::ESC) => {
            Ok(decoded(bytes, Charset::Ascii))
        }
        None | Some(Charset::Ascii) => match default.filter(|charset| *charset != Charset::Ascii) {
            Some(charset) => Ok(by(bytes, charset)),
            None => detect(bytes),
        },
        Some(charset) => Ok(by(bytes, charset)),
    }
}

/// Decodes by a set that was named; where the bytes deny it and are UTF-8 beyond doubt, they are UTF-8.
fn by(bytes: &[u8], charset: Charset) -> Decoded<'_> {
    let found = decoded(bytes, charset);
    if found.damaged && charset != Charset::Utf8 && !bytes.is_ascii() && std::str::from_utf8(bytes).is_ok() {
        return decoded(bytes, Charset::Utf8);
    }
    found
}

fn decoded(bytes: &[u8], charset: Charset) -> Decoded<'_> {
    let (text, damaged) = charset.decode(bytes);
    Decoded { text, charset, damaged }
}

/// Where nobody says which set it is: escape sequences of ISO 2022, else UTF-8. Between the sets that remain bytes cannot
/// decide, and a wrong guess writes a wrong name.
fn detect(bytes: &[u8]) -> Result<Decoded<'_>, Fault> {
    if bytes.contains(&iso2022::ESC) && bytes.is_ascii() {
        return Ok(decoded(bytes, Charset::Iso2022Jp));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Decoded { text: Cow::Borrowed(text), charset: Charset::Utf8, damaged: false }),
        Err(_) => {
            let rule =
                "bytes that are neither ASCII, UTF-8 nor ISO-2022-JP need a name here, or the feed's `charset` set";
            Err(Fault::new(Location::header(18), ErrorCode::RequiredFieldMissing, rule))
        }
    }
}

/// What `MSH-18` says. The header may itself hold characters with delimiters in them, so each set that the bytes allow is
/// tried until one is found that names itself.
fn declared(bytes: &[u8]) -> Result<Option<Charset>, Fault> {
    let end = memchr::memchr2(b'\r', b'\n', bytes).unwrap_or(bytes.len());
    let line = bytes.get(..end).unwrap_or_default();
    let of = |text: &str| {
        let field = text.chars().nth(3)?;
        let repetition = text.as_bytes().get(5).copied().unwrap_or(b'~');
        // `MSH-1` is the delimiter itself, so the 18th field follows the 17th delimiter.
        text.split(field).nth(17).map(|names| Charset::of_names(names, repetition))
    };
    if line.contains(&iso2022::ESC) {
        return of(&iso2022::decode(line).0).transpose().map(Option::flatten);
    }
    if line.is_ascii() {
        return of(&String::from_utf8_lossy(line)).transpose().map(Option::flatten);
    }
    for candidate in [Charset::Utf8, Charset::ShiftJis, Charset::EucJp] {
        let (text, damaged) = candidate.decode(line);
        if !damaged && of(&text).is_some_and(|named| named.is_ok_and(|named| named == Some(candidate))) {
            return Ok(Some(candidate));
        }
    }
    of(&encoding_rs::WINDOWS_1252.decode_without_bom_handling(line).0).transpose().map(Option::flatten)
}

#[cfg(test)]
mod tests;
