//! A result read whole: what it is of, its value in the item's unit, the interval that holds, flags, what is doubtful.
//! The one function the tables call.

use super::{
    Agreement, By, Chosen, Comparator, ConvertError, CriticalTable, Decimal, Detection, Expect, Flag, Interval,
    IntervalSource, IntervalTable, Item, Jlac10, LocalMap, Loinc, Measured, Patient, Place, ReadUnit, Reading,
    Reference, ReferenceText, Resolved, ResultText, ResultValue, Span, UnitError, UnitSpellings, agreement, choose,
    convert, flag,
};
use model::Moment;

/// A code as it came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CodeText<'a> {
    /// Said to be JLAC10.
    Jlac10(&'a str),
    /// Said to be LOINC.
    Loinc(&'a str),
    /// The facility's own.
    Local(&'a str),
}

/// A value as it came.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Written<'a> {
    /// As text.
    Text(&'a str),
    /// As a number, with its comparator (empty, `<`, `<=`, `>`, `>=`).
    Number(&'a str, f64),
    /// Not at all.
    Absent,
}

/// An interval as it came.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum WrittenInterval<'a> {
    /// As text.
    Text(&'a str),
    /// As bounds, of which one may be missing.
    Bounds(Option<f64>, Option<f64>),
}

/// A result as it came.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct LabInput<'a> {
    /// Its code.
    pub code: CodeText<'a>,
    /// Its specimen as the facility writes it; may be empty.
    pub specimen: &'a str,
    /// Its value.
    pub value: Written<'a>,
    /// Its unit; may be empty.
    pub unit: &'a str,
    /// The interval that came with it.
    pub interval: WrittenInterval<'a>,
    /// The flag that came with it; may be empty.
    pub flag: &'a str,
    /// Whose it is, as far as intervals ask.
    pub patient: Patient,
}

/// What a facility has of its own.
#[derive(Clone, Copy, Debug)]
pub struct Site<'a> {
    /// What its local codes mean.
    pub map: Option<&'a LocalMap>,
    /// How it spells units.
    pub spellings: &'a UnitSpellings,
    /// Its own intervals.
    pub intervals: Option<&'a IntervalTable>,
    /// Its critical limits.
    pub critical: &'a CriticalTable,
    /// Whether it leaves the flag empty for a normal result.
    pub blank_flag_is_normal: bool,
}

/// Something doubtful about a result. It is shown; nothing is changed by it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Doubt {
    /// The code is not what it is said to be.
    BadCode,
    /// The code means nothing known here.
    Unmapped,
    /// No unit came, and none is known.
    UnitMissing,
    /// The unit could not be read.
    UnitUnknown,
    /// Part of the unit, or all of it, was supplied from the item or from the facility's map.
    UnitSupplied,
    /// The value could not be brought to the item's unit.
    NotConverted(ConvertError),
    /// No patient has such a value: the unit is likely another than it says (WBC 5200 in 10*3/uL).
    Implausible,
    /// An interval came that could not be read.
    IntervalUnread,
}

impl Doubt {
    /// A short name for a column.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::BadCode => "bad-code",
            Self::Unmapped => "unmapped",
            Self::UnitMissing => "unit-missing",
            Self::UnitUnknown => "unit-unknown",
            Self::UnitSupplied => "unit-supplied",
            Self::NotConverted(_) => "not-converted",
            Self::Implausible => "implausible",
            Self::IntervalUnread => "interval-unread",
        }
    }
}

/// A value brought to the item's unit.
#[derive(Clone, PartialEq, Debug)]
pub struct Normalised {
    /// The value: a number or a range.
    pub value: ResultValue,
    /// The item's unit.
    pub unit: &'static str,
    /// What the conversion rests on.
    pub by: By,
    /// Whether it is exact.
    pub exact: bool,
}

/// A result read whole.
#[derive(Clone, PartialEq, Debug)]
pub struct LabRow {
    /// What its code means; `None` where it is unmapped or no code.
    pub resolved: Option<Resolved>,
    /// Its value, with what was written.
    pub value: ResultText,
    /// Its unit, where it could be read.
    pub unit: Option<ReadUnit>,
    /// Its value in the item's unit.
    pub normalised: Option<Normalised>,
    /// The interval that holds. One that came with the result is in the result's own unit, others in the item's.
    pub reference: Option<Chosen>,
    /// The flag computed here.
    pub flag: Option<Flag>,
    /// How it agrees with the one that came.
    pub agreement: Agreement,
    /// Whether it is critical; `None` for what has no limits. Of what is implausible it cannot be said.
    pub critical: Option<Detection>,
    /// What is doubtful.
    pub doubts: Vec<Doubt>,
}

impl LabRow {
    /// The item.
    pub fn item(&self) -> Option<&'static Item> {
        self.resolved.as_ref().and_then(|resolved| resolved.item)
    }

    /// For delta checks: the exact value in the item's unit, if it is plausible.
    pub fn measured(&self, at: Moment) -> Option<Measured> {
        let item = self.item().filter(|_| !self.doubts.contains(&Doubt::Implausible))?;
        match self.normalised.as_ref()?.value {
            ResultValue::Number { comparator: Comparator::Equal, value } => Some(Measured { item, value, at }),
            _ => None,
        }
    }
}

/// Reads a result. It cannot fail: what is not understood is kept as it came and named among the doubts.
pub fn read_result(input: &LabInput<'_>, site: &Site<'_>) -> LabRow {
    let mut doubts = Vec::new();
    let resolved = resolve(input, site, &mut doubts);
    let item = resolved.as_ref().and_then(|resolved| resolved.item);
    let value = value(input.value, item);
    let unit = unit(input, site, resolved.as_ref(), &value, &mut doubts);
    let normalised = normalise(item, &value, unit.as_ref(), &mut doubts);
    let span = normalised.as_ref().and_then(|normalised| normalised.value.span());
    let implausible = item.zip(span).is_some_and(|(item, span)| !is_plausible(item, span));
    if implausible {
        doubts.push(Doubt::Implausible);
    }
    let came = interval(input.interval);
    let reference = choose(came.as_ref(), site.intervals, item, input.patient);
    let unread =
        came.as_ref().is_some_and(|text| !text.original().trim().is_empty() && text.references(None).is_empty());
    if unread {
        doubts.push(Doubt::IntervalUnread);
    }
    let critical = item.zip(span).and_then(|(item, span)| site.critical.detect(item, span));
    // a wrong unit must not raise an alarm, and must not hide one either: a person looks at it
    let critical = critical.map(|detection| if implausible { Detection::CannotBeSaid } else { detection });
    let flag = computed_flag(&value, normalised.as_ref(), reference.as_ref(), critical, implausible);
    let agreement = agreement(flag, input.flag, site.blank_flag_is_normal);
    LabRow { resolved, value, unit, normalised, reference, flag, agreement, critical, doubts }
}

fn resolve(input: &LabInput<'_>, site: &Site<'_>, doubts: &mut Vec<Doubt>) -> Option<Resolved> {
    let (resolved, doubt) = match input.code {
        CodeText::Jlac10(code) => (Jlac10::parse(code).ok().map(Resolved::jlac10), Doubt::BadCode),
        CodeText::Loinc(code) => (Loinc::parse(code).ok().map(Resolved::loinc), Doubt::BadCode),
        CodeText::Local(code) => (site.map.and_then(|map| map.resolve(code, input.specimen)), Doubt::Unmapped),
    };
    if resolved.is_none() {
        doubts.push(doubt);
    }
    resolved
}

fn value(written: Written<'_>, item: Option<&Item>) -> ResultText {
    // an item without a unit is graded; of others a number is due
    let expect = match item {
        Some(item) if item.unit.is_empty() => Expect::Grade,
        Some(_) => Expect::Quantity,
        None => Expect::Anything,
    };
    match written {
        Written::Text(text) => ResultText::read(text, expect),
        Written::Number(comparator, value) => match decimal(value) {
            Some(value) => ResultText::of_number(comparator, value),
            None => ResultText::read(&format!("{comparator}{value}"), expect),
        },
        Written::Absent => ResultText::read("", expect),
    }
}

/// The shortest decimal that is this double, which is what was typed.
fn decimal(value: f64) -> Option<Decimal> {
    value.to_string().parse().ok()
}

fn unit(
    input: &LabInput<'_>,
    site: &Site<'_>,
    resolved: Option<&Resolved>,
    value: &ResultText,
    doubts: &mut Vec<Doubt>,
) -> Option<ReadUnit> {
    let item = resolved.and_then(|resolved| resolved.item);
    match site.spellings.read(input.unit, item) {
        Ok(read) => {
            if read.how == Reading::Supplied {
                doubts.push(Doubt::UnitSupplied);
            }
            return Some(read);
        }
        Err(UnitError::Absent) => {}
        Err(UnitError::Unknown { .. } | UnitError::PerWhat { .. }) => {
            doubts.push(Doubt::UnitUnknown);
            return None;
        }
    }
    // what is no number has no unit to miss
    value.span()?;
    // `98 mg/dL` in the value itself
    if let Some(read) = (!value.note.is_empty()).then(|| site.spellings.read(&value.note, item).ok()).flatten() {
        return Some(read);
    }
    let mapped = resolved.and_then(|resolved| resolved.unit.clone());
    // a ratio such as the INR has no unit to be left off
    let ratio = item.filter(|item| item.unit.starts_with('{')).and_then(Item::own_unit).cloned();
    match (mapped, ratio) {
        (Some(unit), _) => {
            doubts.push(Doubt::UnitSupplied);
            Some(ReadUnit { unit, how: Reading::Facility })
        }
        (None, Some(unit)) => Some(ReadUnit { unit, how: Reading::Supplied }),
        (None, None) => {
            // whether what is not known here has a unit is not known either
            if item.is_some() {
                doubts.push(Doubt::UnitMissing);
            }
            None
        }
    }
}

fn normalise(
    item: Option<&'static Item>,
    value: &ResultText,
    unit: Option<&ReadUnit>,
    doubts: &mut Vec<Doubt>,
) -> Option<Normalised> {
    let (item, unit) = (item.filter(|item| !item.unit.is_empty())?, unit?);
    let own = item.own_unit()?;
    let convert = |value: Decimal| convert(value, &unit.unit, own, Some(item));
    let numbers = [Some(&value.value), value.second.as_ref()];
    let converted = numbers.into_iter().flatten().find_map(|value| match value {
        ResultValue::Number { comparator, value } => Some(convert(*value).map(|converted| {
            let value = ResultValue::Number { comparator: *comparator, value: converted.value };
            (value, converted.by, converted.exact)
        })),
        ResultValue::Range { low, high, below_high } => Some(convert(*low).and_then(|low| {
            let high = convert(*high)?;
            let value = ResultValue::Range { low: low.value, high: high.value, below_high: *below_high };
            Ok((value, low.by, low.exact && high.exact))
        })),
        _ => None,
    })?;
    match converted {
        Ok((value, by, exact)) => Some(Normalised { value, unit: item.unit, by, exact }),
        Err(error) => {
            doubts.push(Doubt::NotConverted(error));
            None
        }
    }
}

/// Not certainly outside what any patient has.
fn is_plausible(item: &Item, span: Span) -> bool {
    let Some((low, high)) = item.plausible else { return true };
    let interval = Interval { low: Some((low, true)), high: Some((high, true)) };
    // none found, or fewer than can be counted, is plausible
    let few = span.low.is_none_or(|(low, _)| low.is_zero());
    match interval.place(span) {
        Some(Place::Below) => few,
        Some(Place::Above) => false,
        Some(Place::Within) | None => true,
    }
}

fn interval(written: WrittenInterval<'_>) -> Option<ReferenceText> {
    match written {
        WrittenInterval::Text(text) => Some(ReferenceText::read(text)),
        WrittenInterval::Bounds(low, high) => {
            let interval = Interval::closed(low.and_then(decimal), high.and_then(decimal))?;
            Some(ReferenceText::of(Reference::Numbers(interval)))
        }
    }
}

fn computed_flag(
    value: &ResultText,
    normalised: Option<&Normalised>,
    reference: Option<&Chosen>,
    critical: Option<Detection>,
    implausible: bool,
) -> Option<Flag> {
    match critical {
        Some(Detection::Low) => return Some(Flag::CriticallyLow),
        Some(Detection::High) => return Some(Flag::CriticallyHigh),
        Some(Detection::No | Detection::CannotBeSaid) | None => {}
    }
    let chosen = reference?;
    // an interval that came with the result is in its own unit; a table's is in the item's
    match chosen.from {
        IntervalSource::Result => flag(value, &chosen.references, None),
        IntervalSource::Laboratory { .. } | IntervalSource::Shared { .. } if implausible => None,
        IntervalSource::Laboratory { .. } | IntervalSource::Shared { .. } => {
            flag(&value.with_value(normalised?.value.clone()), &chosen.references, None)
        }
    }
}

#[cfg(test)]
mod tests;
