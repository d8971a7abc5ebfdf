//! Pages of docs/ whose tables are what tests find.

use std::path::Path;

pub(super) const INPUTS: &str = "inputs.md";
pub(super) const FILES: &str = "inputs-files.md";

/// The text between two marks of a page, which must be what was found. `UPDATE_EXPECT=1` writes it.
pub(super) fn is_written_down(page: &str, mark: &str, found: &str) {
    // Several tests write one page.
    static WRITING: parking_lot::Mutex<()> = parking_lot::Mutex::new(());
    let _held = WRITING.lock();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(page);
    let text = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = (format!("<!-- {mark} -->\n"), format!("<!-- /{mark} -->"));
    let (head, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("{page} has no mark {mark}"));
    let (written, tail) = rest.split_once(&end).unwrap();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, format!("{head}{begin}{found}{end}{tail}")).unwrap();
        return;
    }
    assert_eq!(written, found, "docs/{page} says something else of {mark}; UPDATE_EXPECT=1 writes it anew");
}
