//! A path below a storage's root, as a file server hands it over: whatever it is, it is a place or a fault; what is a place
//! agrees with itself; and neither a fault nor an origin shows the patient number.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::Path;

#[allow(dead_code, reason = "the crate uses more of these files than a fuzz target does")]
#[path = "../../src/ss_mix2"]
mod ss_mix2 {
    pub mod kind;
    pub mod name;
    pub mod place;
}

use ss_mix2::name::FileName;
use ss_mix2::place::place;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let whole = place(Path::new(text.as_ref()));
    match &whole {
        Ok(name) => {
            let number = name.patient.as_str();
            // Short numbers are part of many a code; one with a hyphen may be a date.
            assert!(number.len() < 5 || number.contains('-') || !name.origin().contains(number));
            // The name alone says the same, but for the type's own names.
            assert!(!name.data.code().contains(char::is_control), "a control character reached a key");
            let last = Path::new(text.as_ref()).file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let alone = FileName::parse(last).expect("a place's last part is a name");
            assert!(alone.data.is_same(&name.data));
            assert_eq!((&alone.patient, alone.date, alone.stamp), (&name.patient, name.date, name.stamp));
        }
        Err(error) => {
            let shown = error.to_string();
            for part in text.split(['/', '_']).filter(|part| part.len() >= 7 && part.bytes().all(|b| b.is_ascii_digit())) {
                assert!(!shown.contains(part), "a fault shows a part of the path");
            }
        }
    }
    // Deterministic.
    assert_eq!(whole.is_ok(), place(Path::new(text.as_ref())).is_ok());
});
