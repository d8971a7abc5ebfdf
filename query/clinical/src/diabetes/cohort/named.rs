//! The cohorts that are shipped: files like those that facilities write.

use super::{Cohort, CohortFile};
use std::sync::LazyLock;

/// The shipped files, in the order in which they are listed.
pub(super) const FILES: [&str; 10] = [
    include_str!("shipped/poor-control.yaml"),
    include_str!("shipped/rapid-decline.yaml"),
    include_str!("shipped/nephropathy-2.yaml"),
    include_str!("shipped/lapsed-60.yaml"),
    include_str!("shipped/lapsed-180.yaml"),
    include_str!("shipped/lapsed-365.yaml"),
    include_str!("shipped/over-treated-elderly.yaml"),
    include_str!("shipped/overdue-eye.yaml"),
    include_str!("shipped/overdue-urine-albumin.yaml"),
    include_str!("shipped/gdm-follow-up.yaml"),
];

/// Read once. That each file is read is a test's business.
static NAMED: LazyLock<Vec<Cohort>> = LazyLock::new(|| {
    let files = FILES.iter().filter_map(|text| CohortFile::parse(text).ok());
    files.filter_map(|file| file.typed().cloned()).collect()
});

/// All of them.
pub fn named() -> Vec<Cohort> {
    NAMED.clone()
}
