//! The table `diabetes_registry`: one row per person, five columns per item.

use super::course::bound;
use super::exec::{Make, PersonsExec};
use super::{Diabetes, PersonFacts, whose};
use async_trait::async_trait;
use clinical::diabetes::registry::{ItemKind, ItemValue, REGISTRY_ITEMS, RegistryItem};
use clinical::diabetes::{Absent, Answer, since_epoch};
use datafusion::arrow::array::{
    ArrayRef, BooleanBuilder, Date32Builder, Float64Builder, ListBuilder, StringBuilder, TimestampMicrosecondBuilder,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use futures::future::BoxFuture;
use model::PatientNumber;
use std::fmt;
use std::sync::{Arc, LazyLock};
use views::table::{Column, Kind};

/// The table's name.
pub(crate) const DIABETES_REGISTRY: &str = "diabetes_registry";

/// What a column says of an item.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Value,
    At,
    Source,
    Absent,
    Note,
}

const PARTS: [Part; 5] = [Part::Value, Part::At, Part::Source, Part::Absent, Part::Note];

/// Whose row it is, or a part of an item.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Person,
    Item(usize, Part),
}

/// A column with what stands in it.
struct Placed {
    column: Column,
    place: Place,
}

/// The columns in order. Their names and texts are made of the items once and live as long as the process.
static COLUMNS: LazyLock<Vec<Placed>> = LazyLock::new(|| {
    let person = Column {
        name: "my_patient_id",
        kind: Kind::Text,
        nullable: false,
        en: "the viewing facility's own number of the person",
        ja: "自施設の患者番号",
    };
    let of_items = REGISTRY_ITEMS
        .iter()
        .enumerate()
        .flat_map(|(at, item)| PARTS.map(|part| Placed { column: column(item, part), place: Place::Item(at, part) }));
    std::iter::once(Placed { column: person, place: Place::Person }).chain(of_items).collect()
});

fn column(item: &RegistryItem, part: Part) -> Column {
    let (suffix, kind, en, ja) = match part {
        Part::Value => {
            let unit = if item.unit.is_empty() { String::new() } else { format!(" ({})", item.unit) };
            return Column {
                name: item.key,
                kind: kind(item.kind),
                nullable: true,
                en: format!("{}{unit}", item.en).leak(),
                ja: format!("{}{unit}", item.ja).leak(),
            };
        }
        Part::At => ("_at", Kind::Time, "moment of the latest fact it rests on", "根拠となる最新の事実の日時"),
        Part::Source => ("_source", Kind::Texts, "the facilities whose facts it rests on", "根拠の施設"),
        Part::Absent => (
            "_absent",
            Kind::Text,
            "why there is no value: `not-measured`, `not-consented`, `not-linked`, `cannot-be-said` or `does-not-apply`",
            "値がない理由",
        ),
        Part::Note => (
            "_note",
            Kind::Text,
            "a measured bound such as `<5.0`; which value is needed, at which facilities, or why it cannot be said",
            "補足（境界値、必要な値、施設、言えない理由）",
        ),
    };
    let nullable = part != Part::Source;
    Column { name: format!("{}{suffix}", item.key).leak(), kind, nullable, en, ja }
}

const fn kind(kind: ItemKind) -> Kind {
    match kind {
        ItemKind::Number => Kind::Float,
        ItemKind::Word => Kind::Text,
        ItemKind::Words => Kind::Texts,
        ItemKind::Flag => Kind::Flag,
        ItemKind::Day => Kind::Date,
    }
}

/// The table's schema.
pub(crate) fn registry_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let fields = COLUMNS.iter().map(|placed| {
            let Column { name, kind, nullable, .. } = placed.column;
            Field::new(name, kind.data_type(), nullable)
        });
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    });
    Arc::clone(&SCHEMA)
}

/// The table over one view.
pub(crate) struct Registry(pub(crate) Diabetes);

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DiabetesRegistry")
    }
}

#[async_trait]
impl TableProvider for Registry {
    fn schema(&self) -> SchemaRef {
        registry_schema()
    }
    fn table_type(&self) -> TableType {
        TableType::Base
    }
    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(whose::pushdown(filters))
    }
    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let every = || (0..COLUMNS.len()).collect();
        let places: Vec<usize> = projection.cloned().unwrap_or_else(every);
        let schema = Arc::new(registry_schema().project(&places)?);
        let places = places.into_iter().filter_map(|at| COLUMNS.get(at)).map(|placed| placed.place).collect();
        let rows = Rows { places, schema, diabetes: self.0.clone() };
        let whose = whose::of(filters).unwrap_or_else(|| self.0.persons.numbers());
        Ok(Arc::new(PersonsExec::new(rows, whose, state.config().target_partitions())))
    }
}

// === Rows ===

struct Rows {
    places: Vec<Place>,
    schema: SchemaRef,
    diabetes: Diabetes,
}

struct Filling {
    columns: Vec<Building>,
    rows: usize,
}

impl Make for Rows {
    type Person = PersonFacts;
    type Rows = Filling;
    const NAME: &'static str = "DiabetesRegistry";

    fn schema(&self) -> &SchemaRef {
        &self.schema
    }
    fn read<'a>(
        &'a self,
        whose: &'a [PatientNumber],
        context: Arc<TaskContext>,
    ) -> BoxFuture<'a, Result<(Vec<PersonFacts>, MemoryReservation)>> {
        Box::pin(async move { Ok(self.diabetes.persons.read(whose, context).await?.into_parts()) })
    }
    fn begin(&self) -> Filling {
        let columns = self.schema.fields().iter().map(|field| Building::of(field.data_type()));
        Filling { columns: columns.collect(), rows: 0 }
    }
    fn add(&self, of: &PersonFacts, filling: &mut Filling) {
        let person = &self.diabetes.person(of);
        // The parts of an item stand side by side mostly, and ask for one answer.
        let mut last: Option<(usize, Answer<ItemValue>)> = None;
        for (place, column) in self.places.iter().zip(&mut filling.columns) {
            let (at, part) = match place {
                Place::Person => {
                    column.text(Some(of.number.as_str()));
                    continue;
                }
                Place::Item(at, part) => (*at, *part),
            };
            let Some(item) = REGISTRY_ITEMS.get(at) else { continue };
            let answer = match last.take() {
                Some((before, answer)) if before == at => answer,
                _ => item.of(person),
            };
            put(&answer, part, column);
            last = Some((at, answer));
        }
        filling.rows += 1;
    }
    fn finish(&self, mut filling: Filling) -> (Vec<ArrayRef>, usize) {
        (filling.columns.iter_mut().map(Building::finish).collect(), filling.rows)
    }
}

fn put(answer: &Answer<ItemValue>, part: Part, column: &mut Building) {
    match (part, answer) {
        (Part::Value, Ok(found)) => column.value(Some(&found.value)),
        (Part::Value, Err(_)) => column.value(None),
        (Part::At, answer) => column.moment(answer.as_ref().ok().map(|found| found.at)),
        (Part::Source, answer) => {
            let sources = answer.as_ref().map(|found| found.sources.as_slice()).unwrap_or_default();
            column.texts(sources.iter().map(model::FacilityId::as_str));
        }
        (Part::Absent, answer) => column.text(answer.as_ref().err().map(Absent::code)),
        (Part::Note, Ok(found)) => {
            let bound = match &found.value {
                ItemValue::Bound(span) => Some(bound(span)),
                _ => None,
            };
            column.text(bound.as_deref());
        }
        (Part::Note, Err(absent)) => column.text(note(absent).as_deref()),
    }
}

/// What there is to say of an absence beside its code.
pub(crate) fn note(absent: &Absent) -> Option<String> {
    match absent {
        Absent::NotMeasured => None,
        Absent::NotConsented { at } | Absent::NotLinked { at } => {
            Some(at.iter().map(model::FacilityId::as_str).collect::<Vec<_>>().join(", "))
        }
        Absent::Needs { measure, absent } => Some(match note(absent) {
            Some(more) => format!("{}: {more}", measure.key()),
            None => measure.key().to_owned(),
        }),
        Absent::CannotBeSaid { why } | Absent::DoesNotApply { why } => Some(why.key.to_owned()),
    }
}

// === Building ===

/// A column as it grows.
enum Building {
    Text(StringBuilder),
    Texts(ListBuilder<StringBuilder>),
    Float(Float64Builder),
    Flag(BooleanBuilder),
    Day(Date32Builder),
    Time(TimestampMicrosecondBuilder),
}

impl Building {
    fn of(data_type: &DataType) -> Self {
        match data_type {
            DataType::List(_) => {
                let element = Field::new("element", DataType::Utf8, true);
                Self::Texts(ListBuilder::new(StringBuilder::new()).with_field(element))
            }
            DataType::Float64 => Self::Float(Float64Builder::new()),
            DataType::Boolean => Self::Flag(BooleanBuilder::new()),
            DataType::Date32 => Self::Day(Date32Builder::new()),
            DataType::Timestamp(..) => Self::Time(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
            _ => Self::Text(StringBuilder::new()),
        }
    }

    /// An item's value, or NULL. A bound is no number.
    fn value(&mut self, value: Option<&ItemValue>) {
        match self {
            Self::Text(builder) => builder.append_option(match value {
                Some(ItemValue::Word(word)) => Some(*word),
                _ => None,
            }),
            Self::Texts(_) => match value {
                Some(ItemValue::Words(words)) => self.texts(words.iter().copied()),
                _ => self.no_texts(),
            },
            Self::Float(builder) => builder.append_option(match value {
                Some(ItemValue::Number(number)) => Some(*number),
                _ => None,
            }),
            Self::Flag(builder) => builder.append_option(match value {
                Some(ItemValue::Flag(flag)) => Some(*flag),
                _ => None,
            }),
            Self::Day(builder) => builder.append_option(match value {
                Some(ItemValue::Day(day)) => Some(since_epoch(*day)),
                _ => None,
            }),
            Self::Time(builder) => builder.append_null(),
        }
    }
    fn text(&mut self, text: Option<&str>) {
        if let Self::Text(builder) = self {
            builder.append_option(text);
        }
    }
    fn texts<'a>(&mut self, texts: impl Iterator<Item = &'a str>) {
        if let Self::Texts(builder) = self {
            texts.for_each(|text| builder.values().append_value(text));
            builder.append(true);
        }
    }
    fn no_texts(&mut self) {
        if let Self::Texts(builder) = self {
            builder.append(false);
        }
    }
    fn moment(&mut self, moment: Option<model::Moment>) {
        if let Self::Time(builder) = self {
            builder.append_option(moment.map(model::Moment::micros));
        }
    }
    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Texts(builder) => Arc::new(builder.finish()),
            Self::Float(builder) => Arc::new(builder.finish()),
            Self::Flag(builder) => Arc::new(builder.finish()),
            Self::Day(builder) => Arc::new(builder.finish()),
            Self::Time(builder) => Arc::new(builder.finish()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_five_columns_and_no_name_stands_twice() {
        let names: std::collections::BTreeSet<&str> = COLUMNS.iter().map(|placed| placed.column.name).collect();
        assert_eq!(names.len(), 1 + 5 * REGISTRY_ITEMS.len());
        assert!(["my_patient_id", "hba1c", "hba1c_at", "gestational_absent"].iter().all(|name| names.contains(name)));
    }

    #[test]
    fn a_note_says_what_is_needed_and_where() {
        let hospital = model::FacilityId::parse("hospital").unwrap();
        let closed = Absent::NotConsented { at: vec![hospital] };
        let needed = closed.clone().needed(clinical::diabetes::Measure::Creatinine);
        assert_eq!(note(&closed).as_deref(), Some("hospital"));
        assert_eq!(note(&needed).as_deref(), Some("creatinine: hospital"));
        assert_eq!(note(&Absent::NotMeasured), None);
    }
}
