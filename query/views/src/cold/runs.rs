//! What lies beside a table file: whose rows are where, and the classes they have.

use crate::StoreError;
use crate::files::{Reader, Writer};
use bytes::Buf;
use consent_filter::ScopeClass;
use model::{Category, DepartmentCode, FacilityId, Label, Labels, Role};
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::path::Path;

/// A file's runs: for each patient, in order of number, the stretch of rows that are theirs.
#[derive(Clone, Default, PartialEq, Debug)]
pub(crate) struct Runs {
    /// The patients' numbers, one after the other.
    numbers: String,
    /// Where each number ends in `numbers`.
    ends: Vec<u32>,
    /// Where each patient's rows begin; one more than there are patients, the last being the row count.
    starts: Vec<u32>,
    /// The scope classes of the rows; the class column counts them from 0.
    pub(crate) classes: Vec<ScopeClass>,
    /// First and last row key of each log partition.
    pub(crate) keys: Vec<(u64, u64)>,
    /// Earliest and latest `occurred`, in microseconds.
    pub(crate) occurred: (i64, i64),
    /// Latest `recorded`, in microseconds.
    pub(crate) recorded_last: i64,
}

#[derive(Serialize, Deserialize)]
struct Head {
    source: String,
    category: String,
    classes: Vec<Class>,
    keys: Vec<(u64, u64)>,
    occurred: (i64, i64),
    recorded_last: i64,
}

#[derive(Serialize, Deserialize)]
struct Class {
    department: Option<String>,
    author_role: String,
    labels: Vec<String>,
}

impl Runs {
    /// Those of no rows, whose times any row widens.
    pub(crate) fn of_nobody() -> Self {
        Self { occurred: (i64::MAX, i64::MIN), ..Self::default() }
    }
    /// Adds the next patient's rows. Patients come in order.
    pub(crate) fn push(&mut self, number: &str, rows: usize) {
        if self.starts.is_empty() {
            self.starts.push(0);
        }
        self.numbers.push_str(number);
        self.ends.push(u32::try_from(self.numbers.len()).unwrap_or(u32::MAX));
        self.starts.push(u32::try_from(self.rows() + rows).unwrap_or(u32::MAX));
    }
    pub(crate) fn rows(&self) -> usize {
        self.starts.last().map_or(0, |rows| *rows as usize)
    }
    pub(crate) fn patients(&self) -> usize {
        self.ends.len()
    }
    /// The `at`-th patient's number.
    pub(crate) fn number(&self, at: usize) -> Option<&str> {
        let end = *self.ends.get(at)? as usize;
        let start = at.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |end| *end as usize);
        self.numbers.get(start..end)
    }
    /// The `at`-th patient's rows.
    pub(crate) fn range(&self, at: usize) -> Option<Range<usize>> {
        Some(*self.starts.get(at)? as usize..*self.starts.get(at + 1)? as usize)
    }
    /// Whose a row is.
    pub(crate) fn owner(&self, row: usize) -> Option<&str> {
        self.run_of(row).and_then(|(at, _)| self.number(at))
    }
    /// Which patient's a row is, by place, and where that patient's rows end.
    pub(crate) fn run_of(&self, row: usize) -> Option<(usize, usize)> {
        let after = self.starts.partition_point(|start| *start as usize <= row);
        Some((after.checked_sub(1)?, *self.starts.get(after)? as usize))
    }
    /// A patient's rows.
    pub(crate) fn find(&self, number: &str) -> Option<Range<usize>> {
        let (mut low, mut high) = (0, self.patients());
        while low < high {
            let middle = low.midpoint(high);
            match self.number(middle)?.cmp(number) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return self.range(middle),
            }
        }
        None
    }

    pub(crate) fn write(&self, path: &Path, source: &FacilityId, category: Category) -> Result<(), StoreError> {
        let class = |class: &ScopeClass| Class {
            department: class.department.as_ref().map(|code| code.as_str().to_owned()),
            author_role: class.author_role.code().to_owned(),
            labels: class.labels.iter().map(|label| label.code().to_owned()).collect(),
        };
        let head = Head {
            source: source.as_str().to_owned(),
            category: category.code().to_owned(),
            classes: self.classes.iter().map(class).collect(),
            keys: self.keys.clone(),
            occurred: self.occurred,
            recorded_last: self.recorded_last,
        };
        let head = serde_json::to_vec(&head).map_err(|error| StoreError::damaged(path, error.to_string()))?;
        let mut writer = Writer::create(path)?;
        writer.put(&(head.len() as u64).to_le_bytes())?;
        writer.put(&head)?;
        for at in 0..self.patients() {
            let (Some(number), Some(range)) = (self.number(at), self.range(at)) else { continue };
            writer.put(&u16::try_from(number.len()).unwrap_or(u16::MAX).to_le_bytes())?;
            writer.put(number.as_bytes())?;
            writer.put(&u32::try_from(range.len()).unwrap_or(u32::MAX).to_le_bytes())?;
        }
        writer.finish()
    }

    pub(crate) fn read(path: &Path) -> Result<Self, StoreError> {
        let mut rest = Reader::open(path)?.body().clone();
        let short = || StoreError::damaged(path, "it is cut short");
        let length = usize::try_from(rest.try_get_u64_le().map_err(|_| short())?).map_err(|_| short())?;
        if rest.len() < length {
            return Err(short());
        }
        let head: Head = serde_json::from_slice(&rest.split_to(length))
            .map_err(|_| StoreError::damaged(path, "its head is not readable"))?;
        let mut runs =
            Self { keys: head.keys, occurred: head.occurred, recorded_last: head.recorded_last, ..Self::default() };
        let strange = || StoreError::damaged(path, "its head names an unknown code");
        let source = FacilityId::parse(&head.source).map_err(|_| strange())?;
        let category: Category = head.category.parse().map_err(|_| strange())?;
        for class in head.classes {
            let department = class.department.map(|code| DepartmentCode::parse(&code)).transpose();
            let labels: Result<Labels, _> = class.labels.iter().map(|code| code.parse::<Label>()).collect();
            runs.classes.push(ScopeClass {
                source: source.clone(),
                category,
                department: department.map_err(|_| strange())?,
                author_role: class.author_role.parse::<Role>().map_err(|_| strange())?,
                labels: labels.map_err(|_| strange())?,
            });
        }
        while rest.has_remaining() {
            let length = usize::from(rest.try_get_u16_le().map_err(|_| short())?);
            if rest.len() < length {
                return Err(short());
            }
            let number = rest.split_to(length);
            let number = std::str::from_utf8(&number).map_err(|_| short())?;
            let rows = rest.try_get_u32_le().map_err(|_| short())?;
            runs.push(number, rows as usize);
        }
        Ok(runs)
    }
}
