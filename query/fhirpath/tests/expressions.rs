//! What expressions give, by example; and that none of them, whatever is written, panics or runs on.

#![expect(clippy::indexing_slicing, reason = "a test stops where it stands, also in its helpers")]

use fhirpath::{Cell, View};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn view(path: &str, kind: Option<&str>) -> Result<View, String> {
    let mut column = json!({"name": "v", "path": path, "collection": true});
    if let Some(kind) = kind {
        column["type"] = json!(kind);
    }
    let constant = json!([{"name": "limit", "valueDecimal": 6.5}, {"name": "day", "valueDate": "2026-04-01"}]);
    let definition = json!({"resource": "Observation", "constant": constant, "select": [{"column": [column]}]});
    View::read(&definition.to_string()).map_err(|error| error.to_string())
}

fn observation() -> Value {
    json!({
        "resourceType": "Observation", "id": "o1", "status": "final",
        "meta": {"source": "urn:ajisai:facility:nagasaki-mc", "security": [{"code": "R"}]},
        "code": {"coding": [{"system": "http://loinc.org", "code": "4548-4"}, {"code": "3D046"}], "text": "HbA1c"},
        "subject": {"reference": "https://example.org/fhir/Patient/p%201/_history/3"},
        "effectiveDateTime": "2026-04-01T09:30:00+09:00", "issued": "2026-04-01T10:00:00.5+09:00",
        "valueQuantity": {"value": 7.1, "unit": "%"},
        "_status": {"extension": [{"url": "urn:x", "valueString": "beside"}]},
        "note": [{"text": "a b"}, {"text": null, "_text": {"extension": [{"url": "urn:y", "valueCode": "z"}]}}],
        "component": [{"valueInteger": 3}, {"valueInteger": 4}, {"valueString": "x"}],
        "contained": [{"resourceType": "Patient", "id": "c"}],
    })
}

/// The cells, written short: `7.1`, `'x'`, `true`; or the error.
fn value(path: &str) -> String {
    let kinds = [Some("boolean"), Some("integer"), Some("decimal"), None];
    let resource = observation();
    let mut last = String::new();
    for kind in kinds {
        let view = match view(path, kind) {
            Ok(view) => view,
            Err(error) => return error,
        };
        match view.rows(&resource) {
            Ok(rows) => return format!("{}", Shown(&rows[0][0])),
            Err(error) => last = error.to_string(),
        }
    }
    last
}

struct Shown<'a>(&'a Cell);
impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Cell::Null => f.write_str("null"),
            Cell::Boolean(truth) => write!(f, "{truth}"),
            Cell::Integer(number) => write!(f, "{number}"),
            Cell::Decimal(number) => write!(f, "{number}"),
            Cell::Text(text) => write!(f, "'{text}'"),
            Cell::List(cells) => {
                for (place, cell) in cells.iter().enumerate() {
                    write!(f, "{}{}", if place > 0 { " " } else { "" }, Shown(cell))?;
                }
                Ok(())
            }
        }
    }
}

#[test]
fn expressions_give_what_the_standard_says() {
    let mut wrong = Vec::new();
    for (path, expected) in [
        // ways
        ("id", "'o1'"),
        ("Observation.id", "'o1'"),
        ("Patient.id", ""),
        ("code.coding.code", "'4548-4' '3D046'"),
        ("code.coding[1].code", "'3D046'"),
        ("code.coding[-1].code", ""),
        ("`code`.`text`", "'HbA1c'"),
        ("value.unit", "'%'"),
        ("value.ofType(Quantity).value", "7.1"),
        ("value.ofType(FHIR.Quantity).value", "7.1"),
        ("value.ofType(string)", ""),
        ("effective.ofType(dateTime)", "'2026-04-01T09:30:00+09:00'"),
        ("component.value.ofType(integer)", "3 4"),
        (
            "component.value is string",
            "select[0].column[0].path: at character 1: one value is expected here and there are several",
        ),
        ("component[2].value is string", "true"),
        ("component[2].value.is(System.String)", "true"),
        ("(value as Quantity).unit", "'%'"),
        ("contained.ofType(Patient).id", "'c'"),
        ("contained.getResourceKey()", "'Patient/c'"),
        ("getResourceKey()", "'urn:ajisai:facility:nagasaki-mc/Observation/o1'"),
        ("subject.getReferenceKey()", "'urn:ajisai:facility:nagasaki-mc/Patient/p%201'"),
        ("subject.getReferenceKey(Patient)", "'urn:ajisai:facility:nagasaki-mc/Patient/p%201'"),
        ("subject.getReferenceKey(Group)", ""),
        ("status.extension('urn:x').value", "'beside'"),
        ("note[1].text.extension('urn:y').value", "'z'"),
        ("note.text", "'a b' null"),
        ("note.text.hasValue()", "false"),
        ("note[0].text.hasValue()", "true"),
        ("%resource.id", "'o1'"),
        ("%rowIndex", "0"),
        // operators
        ("1 + 2 * 3", "7"),
        ("(1 + 2) * 3", "9"),
        ("0.1 + 0.2 = 0.3", "true"),
        ("7 div 2", "3"),
        ("7 mod 2", "1"),
        ("7 / 2", "3.5"),
        ("1 / 0", ""),
        ("9223372036854775807 + 1", ""),
        ("-(3)", "-3"),
        ("-1.5.abs()", "-1.5"),
        ("'a' + 'b'", "'ab'"),
        ("'a' & {}", "'a'"),
        ("'a' + {}", ""),
        ("value.value > %limit", "true"),
        ("effective > %day", ""),
        ("effective >= @2026-03-31", "true"),
        ("effective < @2026-04-01T01:00:00Z", "true"),
        ("issued = @2026-04-01T01:00:00.5Z", "true"),
        (
            "issued > 3",
            "select[0].column[0].path: at character 8: numbers, texts, dates and times have an order, each among themselves",
        ),
        ("@T10:00 < @T10:01", "true"),
        ("true and {}", ""),
        ("false and {}", "false"),
        ("{} or true", "true"),
        ("true xor true", "false"),
        ("false implies {}", "true"),
        ("{} = {}", ""),
        ("{} ~ {}", "true"),
        ("'A  b' ~ 'a B'", "true"),
        ("1 = 1.0", "true"),
        ("(1 | 2 | 1).count()", "2"),
        ("2 in (1 | 2)", "true"),
        ("(1 | 2) contains 3", "false"),
        ("(1 | 2) = (2 | 1)", "false"),
        ("(1 | 2) ~ (2 | 1)", "true"),
        ("1 != 2 and 'a' !~ 'b'", "true"),
        // functions
        ("component.value.ofType(integer).where($this > 3)", "4"),
        ("component.select($index)", "0 1 2"),
        ("component.exists(value.ofType(integer) = 4)", "true"),
        ("component.all(value.exists())", "true"),
        ("iif(value.exists(), 'yes', 1 / 0)", "'yes'"),
        ("nothing.empty() and component.exists()", "true"),
        ("component.count() - component.tail().count()", "1"),
        ("component.value.ofType(integer).last()", "4"),
        ("(1 | 2 | 3).skip(1).take(1)", "2"),
        ("(1 | 2).intersect(2 | 3)", "2"),
        ("(1 | 2).exclude(2 | 3)", "1"),
        ("(1 | 2).combine(2).isDistinct()", "false"),
        (
            "(1 | 2).single()",
            "select[0].column[0].path: at character 9: one value is expected here and there are several",
        ),
        ("'12'.toInteger() + '0.5'.toDecimal()", "12.5"),
        ("'yes'.toBoolean()", "true"),
        ("7.1.toString()", "'7.1'"),
        ("'血糖値'.substring(1, 1)", "'糖'"),
        ("'血糖値'.length()", "3"),
        ("'血糖値'.indexOf('値')", "2"),
        ("'abc'.replace('b', '')", "'ac'"),
        ("' Ab '.trim().upper()", "'AB'"),
        ("'abc'.startsWith('ab') and 'abc'.endsWith('bc') and 'abc'.contains('b')", "true"),
        ("2.5.round()", "3"),
        ("(-2.5).floor()", "-3"),
        ("1.25.round(1)", "1.3"),
        ("1.0.lowBoundary()", "0.95"),
        ("1.587.highBoundary()", "1.5875"),
        ("@2026-02.highBoundary()", "'2026-02-28'"),
        ("'\\u00e9\\ud83d\\ude00'", "'é😀'"),
        ("id // what follows is a comment", "'o1'"),
        ("id /* and */ = /* so */ 'o1'", "true"),
    ] {
        let found = value(path);
        if found != expected {
            wrong.push(format!("{path}: {found}, not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_cannot_be_read_is_refused_by_place_and_rule() {
    for (path, expected) in [
        ("@@", "at character 1: a date is"),
        ("name.", "at character 6: the name of an element or a function is expected here"),
        ("name name", "at character 6: an operator, `.`, `[` or the end is expected here"),
        ("(1", "at character 3: `)` is expected here"),
        ("a[1", "at character 4: `]` is expected here"),
        ("'a", "at character 1: a text that begins with ' ends with '"),
        ("a.matches('x')", "at character 3: there is no function `matches` here"),
        ("a.where()", "at character 3: `where` takes 1 arguments"),
        ("a.join(1, 2)", "at character 3: `join` takes 0 to 1 arguments"),
        ("%nobody", "at character 1: there is no constant `nobody`"),
        ("a.ofType(1)", "at character 10: the name of a type is expected here"),
        ("a.ofType(System.Patient)", "at character 10: a type is written"),
        ("4 'mg'", "at character 3: quantities are not written here"),
        ("2 days", "at character 3: quantities are not written here"),
        ("#", "at character 1: no word of FHIRPath begins with this character"),
        ("$that", "at character 1: `$this` and `$index` are known here"),
        ("'\\x'", "at character 2: an escape is one of"),
        ("'\\ud800'", "at character 2: `\\u` is followed by four hexadecimal digits"),
        ("@2026-02-30", "at character 1: a date is"),
        ("/* a", "at character 1: a comment ends with `*/`"),
    ] {
        let error = view(path, None).unwrap_err();
        assert!(error.starts_with(&format!("select[0].column[0].path: {expected}")), "{path}: {error}");
    }
}

#[test]
fn definitions_are_refused_by_place_and_rule() {
    let column = json!([{"name": "a", "path": "id"}]);
    let deep = (0..20).fold(json!({"column": column}), |inner, _| json!({"select": [inner]}));
    for (definition, expected) in [
        (json!([]), "the definition: an object is expected here"),
        (json!({"resourceType": "Patient"}), "resourceType: it is a `ViewDefinition`"),
        (json!({"resource": "patient"}), "resource: it is a resource type"),
        (json!({"resource": "Patient"}), "select: it has at least one column"),
        (json!({"resource": "Patient", "select": [{}]}), "select[0]: it has a `column`, a `select` or a `unionAll`"),
        (
            json!({"resource": "Patient", "select": [{"column": [{"name": "a"}]}]}),
            "select[0].column[0]: it has a `path`",
        ),
        (
            json!({"resource": "Patient", "select": [{"column": [{"name": "1", "path": "id"}]}]}),
            "select[0].column[0].name: ",
        ),
        (
            json!({"resource": "Patient", "select": [{"column": [{"name": "a", "path": "id", "type": "HumanName"}]}]}),
            "select[0].column[0].type: ",
        ),
        (
            json!({"resource": "Patient", "select": [{"forEech": "name", "column": column}]}),
            "select[0]: of its elements those known here are",
        ),
        (
            json!({"resource": "Patient", "select": [{"forEach": "a", "repeat": ["b"], "column": column}]}),
            "select[0]: it has only one of",
        ),
        (
            json!({"resource": "Patient", "select": [{"column": column}, {"column": [{"name": "A", "path": "id"}]}]}),
            "select: two columns are named `A`",
        ),
        (
            json!({"resource": "Patient", "constant": [{"name": "rowIndex", "valueCode": "a"}], "select": [{"column": column}]}),
            "constant[0].name: ",
        ),
        (
            json!({"resource": "Patient", "constant": [{"name": "a", "valueDate": "2026-13"}], "select": [{"column": column}]}),
            "constant[0]: its value is not a date",
        ),
        (
            json!({"resource": "Patient", "constant": [{"name": "a", "valueCode": "a", "valueId": "b"}], "select": [{"column": column}]}),
            "constant[0]: it has one value",
        ),
        (
            json!({"resource": "Patient", "where": [{"path": "a and"}], "select": [{"column": column}]}),
            "where[0].path: at character 6: a path",
        ),
        (json!({"resource": "Patient", "select": [deep]}), "select[0].select[0]"),
    ] {
        let error = View::read(&definition.to_string()).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{definition}: {error}");
    }
    assert!(View::read("{\"resource\": ").unwrap_err().to_string().starts_with("line 1, column 13: this is not JSON"));
    let long = format!("{{\"resource\": \"Patient\", \"description\": \"{}\"}}", "x".repeat(70_000));
    assert!(View::read(&long).unwrap_err().to_string().contains("at most 65536 bytes"));
}

/// Whatever is asked, the answer comes, and soon: a value or an error.
#[test]
fn what_would_run_on_or_grow_without_end_is_refused() {
    let begun = Instant::now();
    let many = (0..400).map(|n| json!({"valueInteger": n})).collect::<Vec<_>>();
    let resource = json!({"resourceType": "Observation", "id": "o", "component": many});
    for (path, expected) in [
        ("(".repeat(4000), "nested at most 64 deep"),
        (format!("{}1", "-".repeat(4000)), "nested at most 64 deep"),
        (format!("1{}", "+1".repeat(4000)), "nested at most 64 deep"),
        (format!("a{}", "[0".repeat(2000)), "nested at most 64 deep"),
        (format!("a{}", " is A".repeat(1600)), "nested at most 64 deep"),
        (format!("a{}", ".where(a".repeat(1000)), "nested at most 64 deep"),
        ("a".repeat(9000), "at most 8192 bytes"),
        (format!("'x'{}", ".select($this & $this)".repeat(300)), "a text has at most 1 MiB"),
        (format!("'xx'{}", ".replace('x', 'xxxxxxxxxxxxxxxxxxxxxxxx')".repeat(150)), "a text has at most 1 MiB"),
        (format!("component{}", ".select(%resource.component)".repeat(4)), "more steps than one resource may"),
        (format!("component{}.exists()", ".combine(component)".repeat(400)), "more steps than one resource may"),
        (
            "component.where(%resource.component.where(%resource.component.exists(false)).exists())".to_owned(),
            "more steps",
        ),
    ] {
        let outcome = view(&path, None).and_then(|view| view.rows(&resource).map_err(|error| error.to_string()));
        let error = outcome.unwrap_err();
        assert!(error.contains(expected), "{}…: {error}", path.chars().take(40).collect::<String>());
    }
    // A chain of `.` is no depth.
    assert!(view(&format!("a{}", ".a".repeat(4000)), None).unwrap().rows(&resource).is_ok());

    let each = json!({"forEach": "component", "column": [{"name": "a", "path": "value.ofType(integer)"}]});
    let mut other = each.clone();
    other["column"][0]["name"] = json!("b");
    let crossed = json!({"resource": "Observation", "select": [each, other]});
    assert!(
        View::read(&crossed.to_string())
            .unwrap()
            .rows(&resource)
            .unwrap_err()
            .to_string()
            .contains("at most 10000 rows")
    );
    let round =
        json!({"resource": "Observation", "select": [{"repeat": ["$this"], "column": [{"name": "a", "path": "id"}]}]});
    assert!(
        View::read(&round.to_string()).unwrap().rows(&resource).unwrap_err().to_string().contains("at most 128 deep")
    );
    let doubled = json!({"resource": "Observation", "select": [{"repeat": ["component", "%resource"], "column": [{"name": "a", "path": "id"}]}]});
    assert!(View::read(&doubled.to_string()).unwrap().rows(&resource).is_err());
    assert!(begun.elapsed() < Duration::from_secs(60), "a runaway: {:?}", begun.elapsed());
}

#[test]
fn an_error_of_a_row_holds_nothing_of_the_resource() {
    let resource = json!({"resourceType": "Observation", "id": "secret", "code": {"text": "secret"}, "note": ["secret", "secret"]});
    for path in ["note", "code + 1", "id * 2", "id.abs()", "code.join()", "id.lowBoundary()", "note.single()"] {
        let definition = json!({"resource": "Observation", "select": [{"column": [{"name": "a", "path": path}]}]});
        let error = View::read(&definition.to_string()).unwrap().rows(&resource).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"), "{path}: {error}");
    }
}

fn words() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        4 => prop::sample::select(vec![
            "a", "id", "value", "component", "code", "(", ")", "[", "]", "{", "}", ".", ",", "+", "-", "*", "/", "&", "|", "<",
            "<=", "=", "!=", "~", "!~", "and", "or", "xor", "implies", "in", "contains", "is", "as", "div", "mod", "$this",
            "$index", "%resource", "%limit", "%rowIndex", "'x'", "1", "0", "2.50", "@2026-04", "@T10:00", "@2026-04-01T09:00Z",
            "true", "false", "where(", "select(", "all(", "exists(", "iif(", "first()", "last()", "tail()", "count()", "join(",
            "ofType(", "string", "Quantity", "lowBoundary()", "highBoundary()", "substring(", "replace(", "round(", "abs()",
            "toString()", "toInteger()", "getResourceKey()", "getReferenceKey(", "extension(", "union(", "not()", "length()",
        ]).prop_map(str::to_owned),
        1 => "\\PC{0,3}",
    ];
    prop::collection::vec(word, 0..30).prop_map(|words| words.join(" "))
}

fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        "20[0-9]{2}-[01][0-9]-[0-3][0-9]".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        let name = prop::sample::select(vec![
            "a",
            "id",
            "value",
            "valueDate",
            "component",
            "code",
            "extension",
            "_id",
            "reference",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(name.prop_map(str::to_owned), inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_text_makes_reading_panic(text in "\\PC{0,200}") {
        let _ = View::read(&text);
        let _ = view(&text, None);
    }

    #[test]
    fn no_expression_over_no_resource_panics(path in words(), mut resource in anything()) {
        if let Value::Object(object) = &mut resource {
            object.insert("resourceType".to_owned(), json!("Observation"));
        }
        if let Ok(view) = view(&path, None) {
            let _ = view.rows(&resource);
        }
    }

    #[test]
    fn the_same_resource_makes_the_same_rows(path in words()) {
        if let Ok(view) = view(&path, None) {
            prop_assert_eq!(view.rows(&observation()), view.rows(&observation()));
        }
    }

    #[test]
    fn a_decimal_lies_between_its_boundaries(mantissa in -99_999_999i64..99_999_999, scale in 0u32..8) {
        let number = rust_decimal::Decimal::new(mantissa, scale);
        let between = format!("({number}).lowBoundary() < {number} and {number} < ({number}).highBoundary()");
        prop_assert_eq!(value(&between), "true");
    }
}
