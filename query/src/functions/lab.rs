//! Functions over laboratory codes and units: `convert_unit`, `try_convert_unit`, `jlac10_part`, `to_loinc`,
//! `suggest_item`.

use clinical::lab::{
    ConvertError, Converted, Decimal, Item, Jlac10, Jlac10Part, SpecimenKind, Unit, UnitError, UnitSpellings, Unmapped,
    convert, suggest, to_loinc,
};
use datafusion::arrow::array::{Array, ArrayRef, Float64Array, StringArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::cast::{as_float64_array, as_string_array};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, DocSection, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature,
    Volatility,
};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

/// The functions, the same in every session.
pub(crate) fn laboratory() -> Vec<Arc<ScalarUDF>> {
    vec![
        Arc::new(ScalarUDF::from(ConvertUnit::new("convert_unit", &CONVERT, true))),
        Arc::new(ScalarUDF::from(ConvertUnit::new("try_convert_unit", &TRY_CONVERT, false))),
        Arc::new(ScalarUDF::from(OfCode::new("jlac10_part", &PART, &[2], parts))),
        Arc::new(ScalarUDF::from(OfCode::new("to_loinc", &LOINC, &[1, 2], loincs))),
        Arc::new(suggest_item()),
    ]
}

/// `suggest_item(name [, unit [, specimen]])`.
pub(crate) fn suggest_item() -> ScalarUDF {
    ScalarUDF::from(OfCode::new("suggest_item", &SUGGEST, &[1, 2, 3], suggestions))
}

const SECTION: DocSection = DocSection { include: true, label: "Laboratory / 臨床検査", description: None };

static CONVERT: LazyLock<Documentation> = LazyLock::new(|| {
    Documentation::builder(
        SECTION,
        "Converts a value between units as laboratories write them; an unsafe conversion is an error that says why. \
         NULL in, NULL out. / 検査値の単位を換算します。安全でない換算は理由を示すエラーになります。",
        "convert_unit(value, from, to [, item])",
    )
    .with_argument("value", "the value / 値")
    .with_argument("from", "its unit / 元の単位")
    .with_argument("to", "the unit wanted / 換算先の単位")
    .with_argument("item", "what was measured: an item's key, a JLAC10 or a LOINC code; molar mass, charge and scales come from it / 検査項目")
    .with_sql_example("SELECT convert_unit(180, 'mg/dL', 'mmol/L', 'glucose')")
    .with_related_udf("try_convert_unit")
    .build()
});

static TRY_CONVERT: LazyLock<Documentation> = LazyLock::new(|| {
    Documentation::builder(
        SECTION,
        "As convert_unit, but NULL where the conversion is refused. / convert_unit と同じですが、換算できないときは NULL です。",
        "try_convert_unit(value, from, to [, item])",
    )
    .with_related_udf("convert_unit")
    .build()
});

static PART: LazyLock<Documentation> = LazyLock::new(|| {
    Documentation::builder(
        SECTION,
        "A part of a JLAC10 code; NULL where the code is none. / JLAC10コードの要素を取り出します。コードでなければ NULL です。",
        "jlac10_part(code, part)",
    )
    .with_argument("code", "a JLAC10 code of 17 characters, or 15 of an order / JLAC10コード")
    .with_argument(
        "part",
        "analyte, identification, specimen, method or result / 分析物、識別、材料、測定法、結果識別",
    )
    .with_sql_example("SELECT jlac10_part('3D010130002227201', '材料')")
    .build()
});

static LOINC: LazyLock<Documentation> = LazyLock::new(|| {
    Documentation::builder(
        SECTION,
        "The LOINC code of a JLAC10 code; NULL where none is known, or only one for another kind of unit. / \
         JLAC10コードに対応するLOINCコード。分からないときは NULL です。",
        "to_loinc(code [, unit])",
    )
    .with_argument("code", "a JLAC10 code / JLAC10コード")
    .with_argument("unit", "the result's unit: LOINC tells mass from amount, JLAC10 does not / 単位")
    .with_sql_example("SELECT to_loinc('3D046000001920402')")
    .build()
});

static SUGGEST: LazyLock<Documentation> = LazyLock::new(|| {
    Documentation::builder(
        SECTION,
        "The item (docs/laboratory.md) that a facility's own test most likely is, by its name, unit and specimen; NULL where \
         none is likely. A person decides: nothing is mapped by it. / \
         施設独自の検査の名称・単位・材料から、最も近い検査項目を提案します。対応付けは人が決めます。",
        "suggest_item(name [, unit [, specimen]])",
    )
    .with_argument("name", "what the facility calls it / 検査名称")
    .with_argument("unit", "the unit of its results / 単位")
    .with_argument("specimen", "the specimen of its results / 材料")
    .with_sql_example("SELECT suggest_item('カリウム(K)', 'mEq/L')")
    .build()
});

fn signature(of: impl Iterator<Item = Vec<DataType>>) -> Signature {
    Signature::one_of(of.map(TypeSignature::Exact).collect(), Volatility::Immutable)
}

fn arrays(args: ScalarFunctionArgs) -> Result<Vec<ArrayRef>> {
    args.args.into_iter().map(|arg| arg.into_array(args.number_rows)).collect()
}

fn text(column: &StringArray, row: usize) -> Option<&str> {
    column.is_valid(row).then(|| column.value(row))
}

// === Units ===

#[derive(Debug)]
struct ConvertUnit {
    name: &'static str,
    documentation: &'static LazyLock<Documentation>,
    /// Whether a refusal is an error, or NULL.
    says_why: bool,
    signature: Signature,
}

impl ConvertUnit {
    fn new(name: &'static str, documentation: &'static LazyLock<Documentation>, says_why: bool) -> Self {
        let of = |texts| [vec![DataType::Float64], vec![DataType::Utf8; texts]].concat();
        Self { name, documentation, says_why, signature: signature([of(2), of(3)].into_iter()) }
    }
}

impl PartialEq for ConvertUnit {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}
impl Eq for ConvertUnit {}
impl std::hash::Hash for ConvertUnit {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for ConvertUnit {
    fn name(&self) -> &str {
        self.name
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }
    fn documentation(&self) -> Option<&Documentation> {
        Some(self.documentation)
    }
    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let args = arrays(args)?;
        let (values, from, to, item) = match args.as_slice() {
            [values, from, to] => (values, from, to, None),
            [values, from, to, item] => (values, from, to, Some(as_string_array(item)?)),
            _ => return Err(DataFusionError::Internal("a conversion takes three or four arguments".to_owned())),
        };
        let (values, from, to) = (as_float64_array(values)?, as_string_array(from)?, as_string_array(to)?);
        let mut pairs = HashMap::new();
        let one = |row: usize| -> Result<Option<f64>> {
            let item = match item.map(|item| text(item, row)) {
                None => None,
                Some(Some(item)) => Some(item),
                Some(None) => return Ok(None),
            };
            let (Some(from), Some(to), true) = (text(from, row), text(to, row), values.is_valid(row)) else {
                return Ok(None);
            };
            let pair = pairs.entry((from, to, item)).or_insert_with(|| Pair::read(from, to, item));
            let converted = pair.as_ref().map_err(Clone::clone).and_then(|pair| pair.convert(values.value(row)));
            match converted {
                Ok(value) => Ok(Some(value)),
                Err(refused) if self.says_why => Err(DataFusionError::Execution(refused.to_string())),
                Err(_) => Ok(None),
            }
        };
        let converted = (0..values.len()).map(one).collect::<Result<Float64Array>>()?;
        Ok(ColumnarValue::Array(Arc::new(converted)))
    }
}

/// Two units, read once for all rows that have them.
struct Pair {
    from: Unit,
    to: Unit,
    item: Option<&'static Item>,
}

/// Why a value was not converted, in both languages.
#[derive(Clone, Debug, thiserror::Error)]
enum Refused {
    #[error("convert_unit knows no item `{item}` / 検査項目 `{item}` はありません")]
    Item { item: String },
    #[error("convert_unit: {0} / {ja}", ja = japanese(.0))]
    Unsafe(ConvertError),
    #[error("convert_unit: the value is no number a decimal can hold / 値が数値の範囲を超えています")]
    Value,
}

impl Pair {
    fn read(from: &str, to: &str, item: Option<&str>) -> Result<Self, Refused> {
        let item = match item {
            Some(text) => Some(Item::find(text).ok_or_else(|| Refused::Item { item: text.to_owned() })?),
            None => None,
        };
        let read = |written: &str| UnitSpellings::shipped().read(written, item).map(|read| read.unit);
        let of = |written: &str| read(written).map_err(|error| Refused::Unsafe(ConvertError::Unit(error)));
        Ok(Self { from: of(from)?, to: of(to)?, item })
    }

    fn convert(&self, value: f64) -> Result<f64, Refused> {
        // The shortest decimal that is this double is what was typed.
        let value: Decimal = value.to_string().parse().map_err(|_| Refused::Value)?;
        let Converted { value, .. } = convert(value, &self.from, &self.to, self.item).map_err(Refused::Unsafe)?;
        f64::try_from(value).map_err(|_| Refused::Value)
    }
}

fn japanese(error: &ConvertError) -> String {
    match error {
        ConvertError::Unit(UnitError::Absent) => "単位がありません".to_owned(),
        ConvertError::Unit(UnitError::Unknown { written }) => format!("単位 `{written}` を読めません"),
        ConvertError::Unit(UnitError::PerWhat { written }) => format!("`{written}` は何あたりの数か分かりません"),
        ConvertError::DifferentKinds { from, to } => format!("`{from}` と `{to}` は別の種類の量です"),
        ConvertError::NoMolarMass { from, to } => {
            format!("`{from}` から `{to}` への換算には分子量が必要ですが、分かりません。検査項目を指定してください")
        }
        ConvertError::NoCharge { from, to } => {
            format!("`{from}` から `{to}` への換算には電荷が必要ですが、分からないか一定ではありません")
        }
        ConvertError::Arbitrary { arbitrary } => format!("`{arbitrary}` は任意単位で、ほかの単位に換算できません"),
        ConvertError::Special { special } => format!("`{special}` は独自の尺度で、換算できません"),
        ConvertError::DifferentThings { from, to } => format!("`{from}` と `{to}` は測る対象が違います"),
        ConvertError::TooLarge => "結果が数値の範囲を超えています".to_owned(),
    }
}

// === Codes ===

/// What a function of codes makes of its columns.
type Make = fn(&[&StringArray]) -> Result<StringArray>;

/// A function from texts to a text.
#[derive(Debug)]
struct OfCode {
    name: &'static str,
    documentation: &'static LazyLock<Documentation>,
    make: Make,
    signature: Signature,
}

impl OfCode {
    fn new(
        name: &'static str,
        documentation: &'static LazyLock<Documentation>,
        arguments: &[usize],
        make: Make,
    ) -> Self {
        let signature = signature(arguments.iter().map(|count| vec![DataType::Utf8; *count]));
        Self { name, documentation, make, signature }
    }
}

impl PartialEq for OfCode {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}
impl Eq for OfCode {}
impl std::hash::Hash for OfCode {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for OfCode {
    fn name(&self) -> &str {
        self.name
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }
    fn documentation(&self) -> Option<&Documentation> {
        Some(self.documentation)
    }
    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let args = arrays(args)?;
        let texts = args.iter().map(|array| as_string_array(array)).collect::<Result<Vec<_>>>()?;
        Ok(ColumnarValue::Array(Arc::new((self.make)(&texts)?)))
    }
}

fn parts(columns: &[&StringArray]) -> Result<StringArray> {
    let [codes, names] = columns else {
        return Err(DataFusionError::Internal("jlac10_part takes two arguments".to_owned()));
    };
    let one = |row: usize| {
        let (Some(code), Some(name)) = (text(codes, row), text(names, row)) else { return Ok(None) };
        let Some(part) = Jlac10Part::from_name(name) else {
            return Err(DataFusionError::Execution(
                "a JLAC10 code has the parts analyte, identification, specimen, method and result / \
                 要素は 分析物、識別、材料、測定法、結果識別 のいずれかです"
                    .to_owned(),
            ));
        };
        let part = Jlac10::parse(code).ok().map(|code| code.get(part).to_owned());
        // The result part of an order's code is not there.
        Ok(part.filter(|part| !part.is_empty()))
    };
    (0..codes.len()).map(one).collect()
}

fn loincs(columns: &[&StringArray]) -> Result<StringArray> {
    let (codes, units) = match columns {
        [codes] => (codes, None),
        [codes, units] => (codes, Some(units)),
        _ => return Err(DataFusionError::Internal("to_loinc takes one or two arguments".to_owned())),
    };
    let mut known: HashMap<(&str, &str), Option<String>> = HashMap::new();
    let one = |row: usize| {
        let code = text(codes, row)?;
        let unit = units.and_then(|units| text(units, row)).unwrap_or_default();
        known.entry((code, unit)).or_insert_with(|| loinc(code, unit)).clone()
    };
    Ok((0..codes.len()).map(one).collect())
}

fn loinc(code: &str, unit: &str) -> Option<String> {
    let code = Jlac10::parse(code).ok()?;
    let unit = match unit.is_empty() {
        true => None,
        // Of a unit that cannot be read it cannot be said whether the code holds.
        false => Some(UnitSpellings::shipped().read(unit, Item::of_jlac10(&code)).ok()?.unit),
    };
    Some(to_loinc(&code, unit.as_ref()).ok()?.code.as_str().to_owned())
}

fn suggestions(columns: &[&StringArray]) -> Result<StringArray> {
    let Some((names, others)) = columns.split_first() else {
        return Err(DataFusionError::Internal("suggest_item takes at least a name".to_owned()));
    };
    let other = |at: usize, row| others.get(at).and_then(|texts| text(texts, row)).unwrap_or_default();
    let mut known: HashMap<[&str; 3], Option<&'static str>> = HashMap::new();
    let one = |row: usize| {
        let asked = [text(names, row)?, other(0, row), other(1, row)];
        *known.entry(asked).or_insert_with(|| suggestion(asked))
    };
    Ok((0..names.len()).map(one).collect())
}

fn suggestion([name, unit, specimen]: [&str; 3]) -> Option<&'static str> {
    let unit = UnitSpellings::shipped().read(unit, None).ok().map(|read| read.unit);
    // A facility's own word for a specimen says nothing; a JLAC10 material does.
    let is_material = specimen.len() == 3 && specimen.chars().all(|c| c.is_ascii_digit());
    let specimen = is_material.then(|| SpecimenKind::of_jlac10(specimen));
    let unmapped = Unmapped { name, unit: unit.as_ref(), specimen };
    suggest(&unmapped, 1).first().map(|suggestion| suggestion.item.key)
}
