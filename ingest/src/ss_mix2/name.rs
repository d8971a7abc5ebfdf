//! The name of a file, or of a content folder: who, when, what, which order, which version, and whether it still counts.

use super::kind::DataType;
use jiff::civil::{Date, DateTime};
use model::{DepartmentCode, Moment, PatientNumber};
use std::fmt;

/// Whether a file still counts (コンディションフラグ).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Condition {
    /// `1`: it is valid.
    Valid,
    /// `2`: a newer file has replaced it.
    Superseded,
    /// `0`: it has been deleted.
    Deleted,
}

impl Condition {
    /// The flag in the name.
    pub const fn flag(self) -> char {
        match self {
            Self::Valid => '1',
            Self::Superseded => '2',
            Self::Deleted => '0',
        }
    }
    fn parse(text: &str) -> Option<Self> {
        match text {
            "1" => Some(Self::Valid),
            "2" => Some(Self::Superseded),
            "0" => Some(Self::Deleted),
            _ => None,
        }
    }
}

/// An order number, or an extended storage's own key. With a patient number and a date it is patient data.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderNumber(String);

impl OrderNumber {
    /// What stands in its place where there is no order.
    pub const NONE: &'static str = "999999999999999";
    /// The longest, as the index database has it.
    const LIMIT: usize = 22;

    fn parse(text: &str) -> Option<Self> {
        let fits = (1..=Self::LIMIT).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        fits.then(|| Self(text.to_owned()))
    }
    /// The text, as in the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// Whether it is a number at all: many files have none and share the constant.
    pub fn is_number(&self) -> bool {
        self.0 != Self::NONE
    }
}

impl fmt::Debug for OrderNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OrderNumber(******)")
    }
}

/// Which part of a name broke a rule.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Part {
    /// The whole name.
    Name,
    /// The patient number.
    Patient,
    /// The date of care.
    Date,
    /// The data type.
    Type,
    /// The order number.
    Order,
    /// The moment of the transaction.
    Stamp,
    /// The department.
    Department,
    /// The condition flag.
    Condition,
}

impl Part {
    /// Its name in messages and in the quarantine.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Patient => "name.patient",
            Self::Date => "name.date",
            Self::Type => "name.type",
            Self::Order => "name.order",
            Self::Stamp => "name.timestamp",
            Self::Department => "name.department",
            Self::Condition => "name.condition",
        }
    }
}

/// A name that is not one. It never carries the name: that holds a patient number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{}`: {rule}", part.code())]
pub struct NameError {
    /// Which part.
    pub part: Part,
    /// The rule it broke.
    pub rule: &'static str,
}

const fn fault<T>(part: Part, rule: &'static str) -> Result<T, NameError> {
    Err(NameError { part, rule })
}

/// The name of a file or content folder: `patient_date_type_order_timestamp_department_flag`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileName {
    /// Whose it is.
    pub patient: PatientNumber,
    /// The date of care; none for what has no date.
    pub date: Option<Date>,
    /// What it is.
    pub data: DataType,
    /// Which order.
    pub order: OrderNumber,
    /// When the storage was told; of files of one place, the later replaces the earlier.
    pub stamp: Moment,
    /// The department.
    pub department: Option<DepartmentCode>,
    /// Whether it still counts.
    pub condition: Condition,
}

impl FileName {
    /// Parses a name; an ending `.hl7` is passed over.
    ///
    /// It is read from both ends, for the type of an extended storage may itself hold `_`, and some leave the
    /// department out.
    ///
    /// # Errors
    /// When a part is absent or breaks its rule.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let text = match text.len().checked_sub(4).and_then(|at| text.split_at_checked(at)) {
            Some((stem, ending)) if ending.eq_ignore_ascii_case(".hl7") => stem,
            _ => text,
        };
        let short = NameError { part: Part::Name, rule: "has 7 parts joined by `_`" };
        let (patient, rest) = text.split_once('_').ok_or(short)?;
        let (date, rest) = rest.split_once('_').ok_or(short)?;
        let (rest, flag) = rest.rsplit_once('_').ok_or(short)?;
        let (before, last) = rest.rsplit_once('_').ok_or(short)?;
        // Without a department the part before the flag is the timestamp, which is longer than any department code.
        let (rest, stamp, department) = if is_stamp(last) {
            (before, last, "-")
        } else {
            let (rest, stamp) = before.rsplit_once('_').ok_or(short)?;
            (rest, stamp, last)
        };
        let (data, order) = rest.rsplit_once('_').ok_or(short)?;
        Ok(Self {
            patient: patient_of(patient)?,
            date: date_of(date)?,
            data: DataType::parse(data).ok_or(NameError { part: Part::Type, rule: TYPE_RULE })?,
            order: OrderNumber::parse(order)
                .ok_or(NameError { part: Part::Order, rule: "has 1 to 22 visible ASCII characters" })?,
            stamp: stamp_of(stamp)?,
            department: department_of(department)?,
            condition: Condition::parse(flag).ok_or(NameError {
                part: Part::Condition,
                rule: "is `1` (valid), `2` (superseded) or `0` (deleted)",
            })?,
        })
    }

    /// What may be said of it outside: the type, the date of care, the department and the flag. A type or department that
    /// has the patient number in it, as no storage should, is not said.
    pub fn origin(&self) -> String {
        let number = self.patient.as_str();
        // What is shorter names nobody, and is part of many a code.
        let said =
            |text: &str| if number.len() >= 5 && text.contains(number) { "?".to_owned() } else { text.to_owned() };
        let date = self.date.map_or_else(|| "-".to_owned(), |date| date.to_string());
        let department = self.department.as_ref().map_or("-", |department| department.as_str());
        format!("{} {date} {} {}", said(self.data.code()), said(department), self.condition.flag())
    }
}

pub(super) const TYPE_RULE: &str =
    "is a data type of the standardised storage, or `code^name^system^…` of the extended";

fn patient_of(text: &str) -> Result<PatientNumber, NameError> {
    const RULE: &str = "has 1 to 15 letters and digits";
    if text.is_empty() || text.len() > 15 || !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return fault(Part::Patient, RULE);
    }
    PatientNumber::parse(text).map_err(|_| NameError { part: Part::Patient, rule: RULE })
}

/// A date of care, `YYYYMMDD`, or `-` for what has none.
pub(super) fn date_of(text: &str) -> Result<Option<Date>, NameError> {
    const RULE: &str = "is a day, `YYYYMMDD`, or `-`";
    if text == "-" {
        return Ok(None);
    }
    match digits(text) {
        Some(8) => Date::strptime("%Y%m%d", text).map(Some).or(fault(Part::Date, RULE)),
        _ => fault(Part::Date, RULE),
    }
}

fn digits(text: &str) -> Option<usize> {
    text.bytes().all(|b| b.is_ascii_digit()).then_some(text.len())
}

fn is_stamp(text: &str) -> bool {
    digits(text).is_some_and(|length| (14..=17).contains(&length))
}

/// `YYYYMMDDHHMMSS` and up to three digits of a fraction, in Japan's time.
fn stamp_of(text: &str) -> Result<Moment, NameError> {
    const RULE: &str = "is a moment, `YYYYMMDDHHMMSSFFF`";
    let error = NameError { part: Part::Stamp, rule: RULE };
    if !is_stamp(text) {
        return Err(error);
    }
    let (whole, fraction) = text.split_at_checked(14).ok_or(error)?;
    let at = DateTime::strptime("%Y%m%d%H%M%S", whole).map_err(|_| error)?;
    let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(9));
    let seconds = at.to_zoned(zone).map_err(|_| error)?.timestamp();
    let millis: i64 = format!("{fraction:0<3}").parse().map_err(|_| error)?;
    Moment::from_micros(seconds.as_microsecond() + millis * 1000).map_err(|_| error)
}

fn department_of(text: &str) -> Result<Option<DepartmentCode>, NameError> {
    if text == "-" || text.is_empty() {
        return Ok(None);
    }
    // A department that cannot be read must not be dropped: the scope may withhold by it.
    DepartmentCode::parse(text).map(Some).or(fault(Part::Department, "has 1 to 16 visible ASCII characters, or is `-`"))
}

#[cfg(test)]
mod tests {
    use super::super::kind::Kind;
    use super::*;

    fn part(text: &str) -> Part {
        FileName::parse(text).unwrap_err().part
    }

    #[test]
    fn an_origin_names_no_patient_whatever_the_name_says() {
        let origin = |name: &str| FileName::parse(name).unwrap().origin();
        assert_eq!(origin("4630074629_-_ADT-00_1_20260125110008630_-4630074629_1"), "ADT-00 - ? 1");
        assert_eq!(origin("4630074629_-_X4630074629^a^99Z_1_20260125110008630_01_1"), "? - 01 1");
        assert_eq!(origin("01_-_ADT-00_1_20260125110008630_01_1"), "ADT-00 - 01 1");
    }

    #[test]
    fn a_name_of_the_standardised_storage_is_read_part_by_part() {
        let name = FileName::parse("9999013_20111220_OML-11_000000011000354_20111220103059123_01_1").unwrap();
        assert_eq!(name.patient.as_str(), "9999013");
        assert_eq!(name.date, Some(jiff::civil::date(2011, 12, 20)));
        assert_eq!(name.data, DataType::Standard(Kind::Oml11));
        assert_eq!(name.order.as_str(), "000000011000354");
        assert_eq!(name.stamp, Moment::parse("2011-12-20T10:30:59.123+09:00").unwrap());
        assert_eq!(name.department.as_ref().map(|d| d.as_str()), Some("01"));
        assert_eq!(name.condition, Condition::Valid);
        assert_eq!(name.origin(), "OML-11 2011-12-20 01 1");
    }

    #[test]
    fn what_has_neither_date_nor_order_nor_department_says_so() {
        let name = FileName::parse("9999013_-_adt-61_999999999999999_20111014232213000_-_0").unwrap();
        assert_eq!((name.date, name.department.clone(), name.condition), (None, None, Condition::Deleted));
        assert_eq!(name.data, DataType::Standard(Kind::Adt61));
        assert!(!name.order.is_number());
    }

    #[test]
    fn a_shorter_timestamp_and_an_ending_are_passed_over() {
        let name = FileName::parse("0123456789_20080126_OML-11_081251234567800_200802031630123_01_1.HL7").unwrap();
        assert_eq!(name.stamp, Moment::parse("2008-02-03T16:30:12.3+09:00").unwrap());
    }

    #[test]
    fn a_content_folder_may_hold_underscores_and_leave_the_department_out() {
        let name =
            FileName::parse("0123456789_20160101_L-OBSERVATIONS^OBSERVATIONS^99ZL01_000000020160101_201601011500321_1")
                .unwrap();
        assert_eq!((name.data.code(), name.department.is_none()), ("L-OBSERVATIONS", true));
        let name = FileName::parse("0123456789_20160101_X_1^a_b^99Z_key_20160101150032_052_2").unwrap();
        assert_eq!((name.data.code(), name.order.as_str()), ("X_1", "key"));
    }

    #[test]
    fn the_fault_says_which_part_and_never_the_name() {
        assert_eq!(part(""), Part::Name);
        assert_eq!(part("1_2_3"), Part::Name);
        assert_eq!(part("１２３_20111220_OML-11_1_20111220103059123_01_1"), Part::Patient);
        assert_eq!(part("9999013_20111320_OML-11_1_20111220103059123_01_1"), Part::Date);
        assert_eq!(part("9999013_20111220_OML-99_1_20111220103059123_01_1"), Part::Type);
        assert_eq!(part("9999013_20111220_OML-11_12345678901234567890123_20111220103059123_01_1"), Part::Order);
        assert_eq!(part("9999013_20111220_OML-11_1_20111220250000000_01_1"), Part::Stamp);
        assert_eq!(part("9999013_20111220_OML-11_1_20111220103059123_ABCDEFGHIJKLMNOPQ_1"), Part::Department);
        assert_eq!(part("9999013_20111220_OML-11_1_20111220103059123_01_3"), Part::Condition);
        let error = FileName::parse("9999013_20111220_OML-11_1_20111220103059123_01_3").unwrap_err();
        assert!(!error.to_string().contains("9999013"), "{error}");
    }
}
