//! Any bytes as ISO-2022-JP: decoded without panic, at most threefold, and ASCII stays what it is.
#![no_main]

use hl7v2::Charset;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let (text, damaged) = Charset::Iso2022Jp.decode(bytes);
    assert!(text.len() <= bytes.len() * 3);
    if bytes.is_ascii() && !bytes.contains(&0x1b) {
        assert!(!damaged && text.as_bytes() == bytes);
    }
    // Line ends are line ends in every state: none is lost and none comes of a kanji.
    let ends = |bytes: &[u8]| bytes.iter().filter(|b| matches!(b, b'\r' | b'\n')).count();
    assert_eq!(ends(bytes), ends(text.as_bytes()));
    if !damaged {
        let again = Charset::Iso2022Jp.encode(&text);
        let _ = Charset::Iso2022Jp.decode(&again);
    }
});
