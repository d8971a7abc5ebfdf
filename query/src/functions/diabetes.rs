//! Functions of diabetes care, row by row: `egfr_jsn`, `egfr_cys`, `nephropathy_stage`, `ckd_risk`, `hba1c_target`, `hba1c_floor`,
//! `gmi`. Each says what `clinical::diabetes` says of the same values; docs/diabetes.md has the sources.

use clinical::diabetes::{
    AlbuminuriaStage, BiologicalSex, Dated, Edition, ElderlyCategory, Facts, GStage, KidneyLimits, Measure, Reading,
    TargetTable, ckd_risk, egfr_cystatin_jsn, egfr_jsn, gmi, nephropathy_stage,
};
use clinical::lab::Decimal;
use datafusion::arrow::array::{Array, ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::cast::{as_boolean_array, as_float64_array, as_string_array};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, DocSection, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature,
    Volatility,
};
use model::{FacilityId, Moment};
use std::sync::{Arc, LazyLock};

/// The section of the functions' documentation.
pub(super) const SECTION: DocSection = DocSection { include: true, label: "Diabetes / 糖尿病", description: None };

/// The functions, the same in every session.
pub(crate) fn of_diabetes() -> Vec<Arc<ScalarUDF>> {
    FUNCTIONS.iter().map(|function| Arc::new(ScalarUDF::from(Asked::of(function)))).collect()
}

/// What an argument is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Number,
    Word,
    Flag,
}

/// What a function gives for a row.
enum Given {
    Number(fn(&Row<'_>) -> Result<Option<f64>>),
    Whole(fn(&Row<'_>) -> Result<Option<i64>>),
    Word(fn(&Row<'_>) -> Result<Option<&'static str>>),
}

struct Function {
    name: &'static str,
    arguments: &'static [Kind],
    /// How many of the arguments must be given.
    needed: usize,
    given: Given,
    documentation: LazyLock<Documentation>,
}

use Kind::{Flag, Number, Word};

static FUNCTIONS: [Function; 7] = [
    Function {
        name: "egfr_jsn",
        arguments: &[Number, Number, Word],
        needed: 3,
        given: Given::Number(|row| {
            let (Some(creatinine), Some(age), Some(sex)) = (row.number(0), row.number(1), sex(row.word(2))?) else {
                return Ok(None);
            };
            Ok(egfr_jsn(creatinine, age, sex).ok())
        }),
        documentation: LazyLock::new(|| {
            Documentation::builder(
                SECTION,
                "eGFRcreat in mL/min/1.73 m2 by the equation of the Japanese Society of Nephrology (2009): \
                 194 * Cr^-1.094 * age^-0.287 * 0.739 (women). Creatinine by an enzymatic method; adults, not in pregnancy. NULL in, \
                 NULL out; NULL outside 0.1 to 30 mg/dL, 18 to 120 years, and where the sex is other or unknown. / \
                 日本腎臓学会式（2009）によるeGFRcreat。範囲外と性別不明は NULL です。",
                "egfr_jsn(creatinine, age, sex)",
            )
            .with_argument("creatinine", "serum creatinine in mg/dL / 血清クレアチニン")
            .with_argument("age", "completed years / 満年齢")
            .with_argument("sex", "female, male, other or unknown; another word is an error / 性別")
            .with_sql_example("SELECT egfr_jsn(1.0, 60, 'male') -- 59.9")
            .with_related_udf("egfr_cys")
            .build()
        }),
    },
    Function {
        name: "egfr_cys",
        arguments: &[Number, Number, Word],
        needed: 3,
        given: Given::Number(|row| {
            let (Some(cystatin), Some(age), Some(sex)) = (row.number(0), row.number(1), sex(row.word(2))?) else {
                return Ok(None);
            };
            Ok(egfr_cystatin_jsn(cystatin, age, sex).ok())
        }),
        documentation: LazyLock::new(|| {
            Documentation::builder(
                SECTION,
                "eGFRcys in mL/min/1.73 m2 by the equation of the Japanese Society of Nephrology (2013; from memory): \
                 104 * CysC^-1.019 * 0.996^age * 0.929 (women) - 8. NULL in, NULL out; NULL outside 0.2 to 10 mg/L, 18 to 120 years, and \
                 where the sex is other or unknown. / 日本腎臓学会式（2013）によるeGFRcys。範囲外と性別不明は NULL です。",
                "egfr_cys(cystatin, age, sex)",
            )
            .with_argument("cystatin", "cystatin C in mg/L / シスタチンC")
            .with_argument("age", "completed years / 満年齢")
            .with_argument("sex", "female, male, other or unknown; another word is an error / 性別")
            .with_sql_example("SELECT egfr_cys(0.8, 60, 'female') -- 87.4")
            .with_related_udf("egfr_jsn")
            .build()
        }),
    },
    Function {
        name: "nephropathy_stage",
        arguments: &[Number, Number, Number],
        needed: 2,
        given: Given::Whole(stage),
        documentation: LazyLock::new(|| {
            Documentation::builder(
                SECTION,
                "Stage 1 to 5 of diabetic nephropathy (2014 and 2023 have the same limits) of an eGFR and an albuminuria that is \
                 confirmed: stage 2 needs two positive specimens of three, which diabetes_registry looks at and this function cannot. \
                 Below 30 it is 4 whatever the albumin; otherwise NULL albumin gives NULL, never 1, unless protein tells stage 3. Kidney \
                 replacement is stage 5 and not known here. NULL outside 0 to 300, 0 to 50000 and 0 to 100. / \
                 糖尿病性腎症病期。アルブミン尿は確認済みの値を渡してください。アルブミンがなければ第1期とはしません。",
                "nephropathy_stage(egfr, albumin [, protein])",
            )
            .with_argument("egfr", "mL/min/1.73 m2")
            .with_argument("albumin", "urine albumin per creatinine, mg/g / 尿アルブミン/Cr比")
            .with_argument("protein", "urine protein per creatinine, g/g / 尿蛋白/Cr比")
            .with_sql_example("SELECT nephropathy_stage(55, 120) -- 2")
            .with_related_udf("ckd_risk")
            .build()
        }),
    },
    Function {
        name: "ckd_risk",
        arguments: &[Number, Number],
        needed: 2,
        given: Given::Word(|row| {
            let (Some(egfr), Some(albumin)) = (row.number(0), row.number(1)) else { return Ok(None) };
            let (Some(_), Some(albumin)) = (reading(Measure::Egfr, egfr), reading(Measure::AlbuminRatio, albumin))
            else {
                return Ok(None);
            };
            let limits = KidneyLimits::shipped();
            let stage = AlbuminuriaStage::of(albumin.value(), limits.albumin);
            Ok(stage.map(|stage| ckd_risk(GStage::of(egfr, &limits), stage).code()))
        }),
        documentation: LazyLock::new(|| {
            Documentation::builder(
                SECTION,
                "The colour of the cell in the CKD map of diabetes: green, yellow, orange or red (CKD guide; standard). It is chronic only \
                 when it lasts for more than 90 days, which diabetes_registry looks at. NULL in, NULL out; NULL outside 0 to 300 and \
                 0 to 50000. / CKD重症度分類の色。",
                "ckd_risk(egfr, albumin)",
            )
            .with_argument("egfr", "mL/min/1.73 m2")
            .with_argument("albumin", "urine albumin per creatinine, mg/g / 尿アルブミン/Cr比")
            .with_sql_example("SELECT ckd_risk(50, 45) -- orange")
            .with_related_udf("nephropathy_stage")
            .build()
        }),
    },
    Function {
        name: "hba1c_target",
        arguments: &[Number, Word, Flag],
        needed: 3,
        given: Given::Number(|row| Ok(target(row)?.and_then(|target| f64::try_from(target.below).ok()))),
        documentation: LazyLock::new(|| {
            Documentation::builder(
                SECTION,
                "HbA1c (NGSP, %) is to be below this: Kumamoto 2013 for 18 to 64, JDS/JGS 2016 from 65 on. NULL age or drug gives NULL; \
                 without a category only what all categories say is said. NULL below 18. / \
                 HbA1c目標値（未満）。65歳以上はカテゴリーと低血糖リスク薬の有無によります。",
                "hba1c_target(age, category, risky_drug)",
            )
            .with_argument("age", "completed years / 満年齢")
            .with_argument("category", "I, II or III, NULL where it is not known; another word is an error / 高齢者カテゴリー")
            .with_argument("risky_drug", "whether insulin, a sulfonylurea or a glinide is taken / 低血糖リスク薬の有無")
            .with_sql_example("SELECT hba1c_target(78, 'I', true) -- 8.0")
            .with_related_udf("hba1c_floor")
            .build()
        }),
    },
    Function {
        name: "hba1c_floor",
        arguments: &[Number, Word, Flag],
        needed: 3,
        given: Given::Number(|row| {
            Ok(target(row)?.and_then(|target| target.floor).and_then(|floor| f64::try_from(floor).ok()))
        }),
        documentation: LazyLock::new(|| {
            Documentation::builder(
                SECTION,
                "HbA1c (NGSP, %) is not to be below this (JDS/JGS 2016); NULL where no floor is set. Arguments as hba1c_target. / \
                 HbA1cの下限値。",
                "hba1c_floor(age, category, risky_drug)",
            )
            .with_related_udf("hba1c_target")
            .build()
        }),
    },
    Function {
        name: "gmi",
        arguments: &[Number],
        needed: 1,
        given: Given::Number(|row| Ok(row.number(0).and_then(|mean| gmi(mean).ok()))),
        documentation: LazyLock::new(|| {
            Documentation::builder(
                SECTION,
                "Glucose management indicator in percent: 3.31 + 0.02392 * mean (Bergenstal 2018). NULL in, NULL out; NULL outside \
                 40 to 500 mg/dL. / 平均血糖からのGMI（%）。範囲外は NULL です。",
                "gmi(mean_glucose)",
            )
            .with_argument("mean_glucose", "mean glucose of a sensor, mg/dL / 平均グルコース")
            .with_sql_example("SELECT gmi(154) -- 6.99")
            .with_related_udf("time_in_range")
            .build()
        }),
    },
];

/// `None` where the sex is not known, or other; a word that is none is an error.
fn sex(word: Option<&str>) -> Result<Option<BiologicalSex>> {
    match word {
        None | Some("" | "other" | "unknown") => Ok(None),
        Some("female") => Ok(Some(BiologicalSex::Female)),
        Some("male") => Ok(Some(BiologicalSex::Male)),
        Some(_) => {
            Err(wrong("the sex is female, male, other or unknown / 性別は female、male、other、unknown のいずれかです"))
        }
    }
}

fn wrong(message: &str) -> DataFusionError {
    DataFusionError::Execution(message.to_owned())
}

/// `None` of what no patient has.
fn reading(measure: Measure, value: f64) -> Option<Reading> {
    Reading::new(measure, Decimal::try_from(value).ok()?).ok()
}

/// The stage by the same rules as the registry's, of one eGFR and an albumin that was found twice.
fn stage(row: &Row<'_>) -> Result<Option<i64>> {
    let Some(egfr) = row.number(0) else { return Ok(None) };
    let values =
        [(Measure::Egfr, Some(egfr)), (Measure::AlbuminRatio, row.number(1)), (Measure::ProteinRatio, row.number(2))];
    let now = Moment::from_micros(0).map_err(|_| DataFusionError::Internal("the epoch is a moment".to_owned()))?;
    let source = FacilityId::parse("argument").map_err(|_| DataFusionError::Internal("a facility's id".to_owned()))?;
    let mut facts = Facts::default();
    for (measure, value) in values {
        let Some(value) = value else { continue };
        let Some(value) = reading(measure, value) else { return Ok(None) };
        for specimen in 0..2 {
            let at = now.plus_micros(-specimen);
            facts.readings.push(Dated { value: value.clone(), at, source: source.clone() });
        }
    }
    let stage = nephropathy_stage(&facts, &KidneyLimits::shipped(), Edition::Y2023, now);
    Ok(stage.ok().map(|found| i64::from(found.value.number())))
}

fn target(row: &Row<'_>) -> Result<Option<clinical::diabetes::Target>> {
    static TABLE: LazyLock<TargetTable> = LazyLock::new(TargetTable::shipped);
    let category = match row.word(1) {
        None => None,
        Some(word) => {
            let category = ElderlyCategory::ALL.into_iter().find(|category| category.code() == word);
            Some(
                category
                    .ok_or_else(|| wrong("the category is I, II or III / カテゴリーは I、II、III のいずれかです"))?,
            )
        }
    };
    let (Some(age), Some(risky)) = (row.number(0), row.flag(2)) else { return Ok(None) };
    // completed years: what is no age has no target
    if !(0.0..=150.0).contains(&age) {
        return Ok(None);
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it lies between 0 and 150")]
    let age = age as u16;
    Ok(TABLE.target(age, category, risky).ok())
}

// === Rows ===

enum Column {
    Numbers(Float64Array),
    Words(StringArray),
    Flags(BooleanArray),
}

struct Row<'a> {
    columns: &'a [Column],
    at: usize,
}

impl Row<'_> {
    /// A number that is one; NULL and NaN are none.
    fn number(&self, argument: usize) -> Option<f64> {
        match self.columns.get(argument)? {
            Column::Numbers(column) => {
                column.is_valid(self.at).then(|| column.value(self.at)).filter(|n| n.is_finite())
            }
            _ => None,
        }
    }
    fn word(&self, argument: usize) -> Option<&str> {
        match self.columns.get(argument)? {
            Column::Words(column) => column.is_valid(self.at).then(|| column.value(self.at)),
            _ => None,
        }
    }
    fn flag(&self, argument: usize) -> Option<bool> {
        match self.columns.get(argument)? {
            Column::Flags(column) => column.is_valid(self.at).then(|| column.value(self.at)),
            _ => None,
        }
    }
}

// === Function ===

#[derive(Debug)]
struct Asked {
    name: &'static str,
    function: &'static Function,
    signature: Signature,
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Asked {
    fn of(function: &'static Function) -> Self {
        let types: Vec<DataType> = function
            .arguments
            .iter()
            .map(|kind| match kind {
                Number => DataType::Float64,
                Word => DataType::Utf8,
                Flag => DataType::Boolean,
            })
            .collect();
        let counts = function.needed..=types.len();
        let forms = counts.map(|count| TypeSignature::Exact(types.iter().take(count).cloned().collect()));
        let signature = Signature::one_of(forms.collect(), Volatility::Immutable);
        Self { name: function.name, function, signature }
    }
}

impl PartialEq for Asked {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}
impl Eq for Asked {}
impl std::hash::Hash for Asked {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Asked {
    fn name(&self) -> &str {
        self.name
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(match self.function.given {
            Given::Number(_) => DataType::Float64,
            Given::Whole(_) => DataType::Int64,
            Given::Word(_) => DataType::Utf8,
        })
    }
    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.function.documentation)
    }
    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let columns = args.args.into_iter().zip(self.function.arguments).map(|(arg, kind)| {
            let array = arg.into_array(rows)?;
            Ok(match kind {
                Number => Column::Numbers(as_float64_array(&array)?.clone()),
                Word => Column::Words(as_string_array(&array)?.clone()),
                Flag => Column::Flags(as_boolean_array(&array)?.clone()),
            })
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let row = |at| Row { columns: &columns, at };
        let array: ArrayRef = match self.function.given {
            Given::Number(of) => Arc::new((0..rows).map(|at| of(&row(at))).collect::<Result<Float64Array>>()?),
            Given::Whole(of) => Arc::new((0..rows).map(|at| of(&row(at))).collect::<Result<Int64Array>>()?),
            Given::Word(of) => Arc::new((0..rows).map(|at| of(&row(at))).collect::<Result<StringArray>>()?),
        };
        Ok(ColumnarValue::Array(array))
    }
}
