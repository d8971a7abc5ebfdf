//! The table `maternal_warnings`: per woman and rule one row per limit that is reached; one where none is, or where it cannot be said.

use super::Perinatal;
use super::charts::{Wanted, Woman};
use super::table::Tell;
use crate::diabetes::note;
use crate::lab::cells::{Cell, Made};
use clinical::perinatal::chart::{LimitReached, MaternalRules, Ruling};
use model::Moment;
use std::sync::Arc;

/// The table's name.
pub(super) const MATERNAL_WARNINGS: &str = "maternal_warnings";

pub(super) struct Warnings;

/// What a rule says, and one of the limits that are reached.
pub(super) struct Row {
    own: String,
    pregnancy: u32,
    ruling: Arc<Ruling>,
    missing: Arc<Vec<String>>,
    reached: Option<LimitReached>,
    /// The statement's own moment.
    now: Moment,
}

static COLUMNS: [Made<Row>; 23] = [
    Made::of(
        "my_patient_id",
        "the viewing facility's own number of the woman",
        "自施設の患者番号",
        Cell::Text(|row| Some(row.own.as_str().into())),
    ),
    Made::of(
        "pregnancy",
        "which of hers, as in `pregnancies`",
        "何回目の妊娠か",
        Cell::Long(|row| Some(i64::from(row.pregnancy))),
    ),
    Made::of(
        "rule",
        "`haemorrhage`, `obstetric-dic`, `blood-loss`, `hypertensive-crisis`, `hypertensive-disorder`, `meows`, `early-warning`, \
         `labour-care-guide`, `second-stage`, `bishop` or `glucose`",
        "規則",
        Cell::Text(|row| Some(row.ruling.rule.code().into())),
    ),
    Made::of(
        "rule_ja",
        "its name in Japanese",
        "規則の名称",
        Cell::Text(|row| Some(row.ruling.rule.japanese().into())),
    ),
    Made::of(
        "said",
        "`reached`, `not-reached`, or `cannot-be-said`: what is missing could change the answer",
        "判定",
        Cell::Text(|row| Some(row.ruling.said.code().into())),
    ),
    Made::of(
        "class",
        "what it is called: `abnormal`, `critical`; `emergency`, `persisting`; `GH`, `PE`, `CH`, `SPE`, with `-severe`; `calls`; `gestational` …",
        "区分",
        Cell::Text(|row| row.ruling.class.map(Into::into)),
    ),
    Made::of(
        "limit_key",
        "the limit that is reached; NULL where none is",
        "達した基準",
        Cell::Text(|row| row.reached.as_ref().map(|one| one.key.code().into())),
    ),
    Made::of(
        "limit_value",
        "its value; NULL where it is no number",
        "基準値",
        Cell::Float(|row| row.reached.as_ref()?.limit),
    ),
    Made::of("value", "the value that reached it", "測定値", Cell::Float(|row| row.reached.as_ref()?.value)),
    Made::of("unit", "the unit of both", "単位", Cell::Text(|row| row.reached.as_ref().map(|one| one.unit.into()))),
    Made::of(
        "at",
        "when that value was measured; without a limit reached, the newest value it rests on",
        "測定日時",
        Cell::Time(|row| row.reached.as_ref().map_or(row.ruling.at, |one| Some(one.at))),
    ),
    Made::of(
        "age_seconds",
        "how old that value is at the moment of the statement",
        "値の古さ（秒）",
        Cell::Long(|row| {
            let at = row.reached.as_ref().map_or(row.ruling.at, |one| Some(one.at))?;
            Some(row.now.since(at).div_euclid(1_000_000))
        }),
    ),
    Made::of(
        "measured_by",
        "`monitor` where a bed's monitor measured that value and nobody wrote it down, else `record`; NULL where no limit is reached",
        "測定の経路",
        Cell::Text(|row| row.reached.as_ref().map(|one| if one.monitor { "monitor" } else { "record" }.into())),
    ),
    Made::of(
        "since",
        "since when it has been reached at every measurement, at most 200 of them back",
        "いつから",
        Cell::Time(|row| row.reached.as_ref().map(|one| one.since)),
    ),
    Made::of(
        "missing",
        "what was not measured and could change or worsen the answer, each with why: `fibrinogen not-measured`, `pulse not-consented hospital`",
        "測定されていない項目と理由",
        Cell::Texts(|row| row.missing.iter().map(|one| one.as_str().into()).collect()),
    ),
    Made::of(
        "limit_own",
        "whether the limit is the facility's own",
        "自施設の基準か",
        Cell::Flag(|row| row.reached.as_ref().map(|one| one.source.is_none())),
    ),
    Made::of(
        "certainty",
        "how certain the limit is: `A` primary, `B` secondary, `C` from memory; NULL for the facility's own",
        "確度",
        Cell::Text(|row| row.reached.as_ref()?.source.map(|source| source.certainty.letter().to_string().into())),
    ),
    Made::of(
        "source_text",
        "where the limit comes from; NULL for the facility's own",
        "出典",
        Cell::Text(|row| row.reached.as_ref()?.source.map(|source| source.text.into())),
    ),
    Made::of(
        "rule_source",
        "where the rule comes from",
        "規則の出典",
        Cell::Text(|row| Some(row.ruling.rule.source().text.into())),
    ),
    Made::of(
        "rule_certainty",
        "how certain that is",
        "規則の確度",
        Cell::Text(|row| Some(row.ruling.rule.source().certainty.letter().to_string().into())),
    ),
    Made::of(
        "version",
        "the version of the limits",
        "基準の版",
        Cell::Text(|row| Some(row.ruling.version.as_str().into())),
    ),
    Made::of("newest_at", "the newest value that the rule rests on", "根拠の最新日時", Cell::Time(|row| row.ruling.at)),
    Made::of(
        "sources",
        "the facilities whose values it rests on",
        "根拠の施設",
        Cell::Texts(|row| row.ruling.sources.iter().map(|one| one.as_str().into()).collect()),
    ),
];

pub(super) fn columns() -> &'static [Made<Row>] {
    &COLUMNS
}

impl Tell for Warnings {
    type Row = Row;
    const WANTED: Wanted = Wanted::Monitors;
    const NAME: &'static str = "MaternalWarnings";

    fn columns() -> &'static [Made<Row>] {
        &COLUMNS
    }

    fn rows(of: &Woman, perinatal: &Perinatal, into: &mut Vec<Row>) {
        let rules = MaternalRules { tables: &perinatal.tables, now: perinatal.moment };
        for one in &of.pregnancies {
            for mut ruling in of.chart.rulings(one, rules) {
                let missing = ruling.missing.iter().map(|missing| {
                    let absent = of.chart.reach.absent(missing.category);
                    let at = note(&absent).map(|at| format!(" {at}")).unwrap_or_default();
                    format!("{} {}{at}", missing.what, absent.code())
                });
                let missing: Arc<Vec<String>> = Arc::new(missing.collect());
                let reached = std::mem::take(&mut ruling.reached);
                let ruling = Arc::new(ruling);
                let row = |reached| Row {
                    own: of.number.as_str().to_owned(),
                    pregnancy: one.number,
                    ruling: Arc::clone(&ruling),
                    missing: Arc::clone(&missing),
                    now: perinatal.moment,
                    reached,
                };
                if reached.is_empty() {
                    into.push(row(None));
                }
                into.extend(reached.into_iter().map(|one| row(Some(one))));
            }
        }
    }
}
