//! From answers to the page.

use super::cells::{Row, day_of_micros, escaped, rows};
use super::words::{ABSENT, BASIC, CODED, COMPLICATIONS, COURSE, Called, DUE, LATEST, TREATMENT, Words, of_code};
use super::{BookletRows, BookletSize, STYLE};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// The items of the registry that are asked for.
pub(super) const ITEMS: [&str; 46] = [
    "type",
    "duration",
    "height",
    "weight",
    "bmi",
    "smoking",
    "last_contact",
    "treatment",
    "hypoglycaemia_drugs",
    "elderly_category",
    "target_below",
    "target_floor",
    "over_treated",
    "guidance_last",
    "hba1c",
    "hba1c_converted",
    "hba1c_mean",
    "gmi",
    "glucose_fasting",
    "glucose_casual",
    "systolic",
    "diastolic",
    "ldl",
    "hdl",
    "triglyceride",
    "creatinine",
    "egfr",
    "uacr",
    "urine_protein",
    "eye_last",
    "foot_last",
    "dental_last",
    "retinopathy",
    "nephropathy_2023",
    "ckd_g",
    "ckd_a",
    "ckd_risk",
    "egfr_rapid",
    "due_hba1c",
    "due_blood_pressure",
    "due_kidney",
    "due_urine_albumin",
    "due_lipids",
    "due_eye",
    "due_foot",
    "due_dental",
];
/// What is asked of each.
pub(super) const PARTS: [&str; 5] = ["", "_at", "_source", "_absent", "_note"];
/// At most so many facts of the course are read: the newest.
pub(super) const LONGEST: usize = 5_000;
/// Days with something of them that are shown.
const DAYS: usize = 24;

/// A whole page, to be kept as a file and printed; `None` where the view shows nothing of the person.
pub fn html(read: &BookletRows, size: BookletSize) -> Option<String> {
    let booklet = booklet(read, size)?;
    Some(format!(
        "<!doctype html>\n<html lang=\"ja\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>糖尿病連携手帳 Diabetes booklet</title><style>{STYLE}</style></head><body>\n{booklet}</body></html>\n"
    ))
}

/// The booklet without the page around it.
pub(super) fn booklet(read: &BookletRows, size: BookletSize) -> Option<String> {
    let [who, registry, course, coded] = &read.answers;
    let row = rows(registry).next()?;
    let made = Making { read, row };
    let course: Vec<Fact> = rows(course).filter_map(Fact::of).collect();
    let mut out = format!("<article class=\"booklet {}\" lang=\"ja\">\n", size.code());
    made.head(&mut out);
    made.basic(rows(who).collect(), &mut out);
    section(("治療と目標", "Treatment and target"), &made.items(TREATMENT), &mut out);
    let reason = made.reason();
    let _ = writeln!(out, "<p class=\"note\">目標の根拠 Reason of the target: {reason}</p>");
    section(("最新の結果", "Latest results"), &made.items(LATEST), &mut out);
    made.complications(&rows(coded).collect::<Vec<_>>(), &mut out);
    made.due(&mut out);
    made.course(&course, &mut out);
    made.facilities(&course, &mut out);
    legend(&mut out);
    out.push_str("</article>\n");
    Some(out)
}

/// What was answered of one person.
struct Making<'a> {
    read: &'a BookletRows,
    row: Row<'a>,
}

/// Something of a day.
struct Fact<'a> {
    day: &'a str,
    source: &'a str,
    item: &'a str,
    value: String,
}

impl<'a> Fact<'a> {
    fn of(row: Row<'a>) -> Option<Self> {
        let (day, source, item) = (row.text("day")?, row.text("source")?, row.text("item")?);
        let mut value = match (row.number("value"), row.text("text")) {
            (Some(number), _) => shown(item, number),
            (None, Some(text)) if item == "visit" => text.to_owned(),
            (None, Some(text)) => of_code(text),
            (None, None) => "✓".to_owned(),
        };
        if row.flag("converted") == Some(true) {
            value.push('*');
        }
        Some(Self { day, source, item, value })
    }
}

/// A number to the digits in which it is read.
fn shown(item: &str, number: f64) -> String {
    let digits = match item {
        "hba1c" | "hba1c_mean" | "gmi" | "weight" | "bmi" | "target_below" | "target_floor" => 1,
        "creatinine" => 2,
        _ => 0,
    };
    format!("{number:.digits$}")
}

fn both((ja, en): Words) -> String {
    if ja == en { escaped(ja) } else { format!("{} <span lang=\"en\">{}</span>", escaped(ja), escaped(en)) }
}

fn section(title: Words, body: &str, out: &mut String) {
    let _ = writeln!(out, "<section><h2>{}</h2>\n{body}</section>", both(title));
}

fn legend(out: &mut String) {
    out.push_str("<footer><p>");
    for (code, words) in ABSENT {
        let _ = write!(out, "<span class=\"absent {code}\">{}</span> ", both(*words));
    }
    out.push_str(
        "</p><p>* JDS等からの換算値 converted. 診断ではありません。値は閲覧施設に開示された記録によります。\
         <span lang=\"en\">No diagnosis. Values are of the records disclosed to the viewing facility.</span></p></footer>\n",
    );
}

impl Making<'_> {
    fn name(&self, facility: &str) -> String {
        match self.read.names.get(facility) {
            Some((ja, _)) if !ja.is_empty() => escaped(ja),
            _ => escaped(facility),
        }
    }

    /// Facilities by name.
    fn names<'b>(&self, facilities: impl IntoIterator<Item = &'b str>) -> String {
        facilities.into_iter().map(|one| self.name(one)).collect::<Vec<_>>().join("、")
    }

    fn head(&self, out: &mut String) {
        let day = day_of_micros(self.read.moment_us).unwrap_or_default();
        let _ = writeln!(
            out,
            "<header><h1>糖尿病連携手帳 <span lang=\"en\">Diabetes shared-care booklet</span></h1>\
             <p>{} · {day}</p></header>",
            self.name(&self.read.facility)
        );
    }

    fn basic(&self, said: Vec<Row<'_>>, out: &mut String) {
        // what the facility itself says of who the person is holds before what others say: the answer's order
        let first = |name: &str| said.iter().find_map(|row| row.text(name));
        let birth = said.iter().find_map(|row| row.day("birth_date"));
        let dash = || "—".to_owned();
        let mut body = String::from("<dl class=\"who\">");
        for (words, value) in [
            (("氏名", "Name"), first("name").map_or_else(dash, escaped)),
            (("カナ", "Kana"), first("kana").map_or_else(dash, escaped)),
            (("患者番号", "Number"), escaped(&self.read.patient)),
            (("生年月日", "Born"), birth.unwrap_or_else(dash)),
            (("性別", "Sex"), first("sex").map_or_else(dash, |sex| escaped(&of_code(sex)))),
        ] {
            let _ = write!(body, "<div><dt>{}</dt><dd>{value}</dd></div>", both(words));
        }
        body.push_str("</dl>\n");
        body.push_str(&self.items(BASIC));
        section(("基本情報", "Basic data"), &body, out);
    }

    /// The value of an item, or why there is none.
    fn value(&self, key: &str) -> Result<String, String> {
        let row = &self.row;
        if let Some(absent) = row.text(&format!("{key}_absent")) {
            let words = ABSENT.iter().find(|(code, _)| *code == absent);
            let said = words.map_or_else(|| escaped(absent), |(_, words)| both(*words));
            let note = row.text(&format!("{key}_note")).map(|note| self.noted(absent, note)).unwrap_or_default();
            return Err(format!("<span class=\"absent {}\">{said}</span>{note}", escaped(absent)));
        }
        if let Some(number) = row.number(key) {
            let converted = key == "hba1c" && row.flag("hba1c_converted") == Some(true);
            return Ok(shown(key, number) + if converted { "*" } else { "" });
        }
        if let Some(flag) = row.flag(key) {
            return Ok(if flag { "はい yes" } else { "いいえ no" }.to_owned());
        }
        if let Some(day) = row.day(key) {
            return Ok(day);
        }
        let words = row.texts(key);
        if !words.is_empty() {
            return Ok(words.into_iter().map(|word| escaped(&of_code(word))).collect::<Vec<_>>().join("、"));
        }
        match (row.text(key), row.text(&format!("{key}_note"))) {
            (Some(word), _) => Ok(escaped(&of_code(word))),
            // a measured bound is no number and not nothing
            (None, Some(bound)) => Ok(escaped(bound)),
            (None, None) => Ok("なし none".to_owned()),
        }
    }

    /// What is said beside an absence: the facilities, by name, or which value is needed.
    fn noted(&self, absent: &str, note: &str) -> String {
        let said = match absent {
            "not-consented" | "not-linked" => {
                let parts = note.split(", ").map(|part| match part.split_once(": ") {
                    Some((needed, facility)) => format!("{}: {}", escaped(needed), self.name(facility)),
                    None => self.name(part),
                });
                parts.collect::<Vec<_>>().join("、")
            }
            _ => escaped(note),
        };
        format!(" <small>({said})</small>")
    }

    /// When, and from where.
    fn origin(&self, key: &str) -> (String, String) {
        let day = self.row.day(&format!("{key}_at")).unwrap_or_default();
        (day, self.names(self.row.texts(&format!("{key}_source"))))
    }

    fn items(&self, items: &[Called]) -> String {
        let mut body = String::from(
            "<table><thead><tr><th scope=\"col\">項目 <span lang=\"en\">Item</span></th><th scope=\"col\">値 <span lang=\"en\">Value</span></th>\
             <th scope=\"col\">日付 <span lang=\"en\">Date</span></th><th scope=\"col\">施設 <span lang=\"en\">Facility</span></th></tr></thead><tbody>\n",
        );
        for Called { key, words, unit } in items {
            let (value, (day, from)) = match self.value(key) {
                Ok(value) if unit.is_empty() => (value, self.origin(key)),
                Ok(value) => (format!("{value} <small>{}</small>", escaped(unit)), self.origin(key)),
                Err(absent) => (absent, (String::new(), String::new())),
            };
            let heading = both(*words);
            let _ = writeln!(
                body,
                "<tr data-item=\"{key}\"><th scope=\"row\">{heading}</th><td>{value}</td><td>{day}</td><td>{from}</td></tr>"
            );
        }
        body + "</tbody></table>\n"
    }

    /// Completed years today, by the birth date that holds.
    fn age(&self) -> Option<u32> {
        let [who, ..] = &self.read.answers;
        let birth = rows(who).find_map(|row| row.day("birth_date"))?;
        let today = day_of_micros(self.read.moment_us)?;
        let parts = |day: &str| Some((day.get(..4)?.parse::<u32>().ok()?, day.get(5..)?.to_owned()));
        let ((born, birthday), (year, day)) = (parts(&birth)?, parts(&today)?);
        year.checked_sub(born)?.checked_sub(u32::from(day < birthday))
    }

    /// By what the target is what it is.
    fn reason(&self) -> String {
        let said = |key: &str, words: &str| format!("{words} {}", self.value(key).unwrap_or_else(|absent| absent));
        match self.value("target_below") {
            Err(absent) => absent,
            Ok(_) => [
                format!(
                    "年齢 <span lang=\"en\">age</span> {}",
                    self.age().map_or_else(|| "—".to_owned(), |age| age.to_string())
                ),
                said("elderly_category", "カテゴリー <span lang=\"en\">category</span>"),
                said("hypoglycaemia_drugs", "低血糖リスク薬 <span lang=\"en\">risky drugs</span>"),
            ]
            .join("、"),
        }
    }

    fn complications(&self, coded: &[Row<'_>], out: &mut String) {
        let mut body = self.items(COMPLICATIONS);
        body.push_str("<table><thead><tr><th scope=\"col\">病名 <span lang=\"en\">Coded</span></th><th scope=\"col\">コード <span lang=\"en\">Codes</span></th><th scope=\"col\">日付 <span lang=\"en\">Date</span></th><th scope=\"col\">施設 <span lang=\"en\">Facility</span></th></tr></thead><tbody>\n");
        for (words, beginnings) in CODED {
            let found: Vec<_> = coded
                .iter()
                .filter(|row| {
                    let code: String = row.text("code").unwrap_or_default().chars().filter(|c| *c != '.').collect();
                    beginnings.iter().any(|beginning| code.starts_with(beginning))
                })
                .collect();
            let codes: BTreeSet<String> = found
                .iter()
                .filter_map(|row| Some((row.text("code")?, row.text("name").unwrap_or_default())))
                .map(|(code, name)| escaped(format!("{code} {name}").trim()))
                .collect();
            let sources: BTreeSet<&str> = found.iter().filter_map(|row| row.text("source")).collect();
            let last = found.iter().filter_map(|row| row.day("at")).max().unwrap_or_default();
            let codes = codes.into_iter().collect::<Vec<_>>().join("、");
            let codes = if codes.is_empty() {
                "記録なし <span lang=\"en\">none on record</span>".to_owned()
            } else {
                codes
            };
            let _ = writeln!(
                body,
                "<tr><th scope=\"row\">{}</th><td>{codes}</td><td>{last}</td><td>{}</td></tr>",
                both(*words),
                self.names(sources)
            );
        }
        body.push_str("</tbody></table>\n");
        section(("合併症", "Complications"), &body, out);
    }

    fn due(&self, out: &mut String) {
        let today = day_of_micros(self.read.moment_us).unwrap_or_default();
        let mut body = String::from(
            "<table><thead><tr><th scope=\"col\">検査 <span lang=\"en\">Check</span></th><th scope=\"col\">次回期限 <span lang=\"en\">Next due</span></th>\
             <th scope=\"col\">前回 <span lang=\"en\">Last</span></th><th scope=\"col\">施設 <span lang=\"en\">Facility</span></th></tr></thead><tbody>\n",
        );
        for Called { key, words, .. } in DUE {
            let value = self.value(key);
            // days are written so that they sort
            let is_late = value.as_ref().is_ok_and(|day| *day < today);
            let (day, from) = if value.is_ok() { self.origin(key) } else { Default::default() };
            let mark = if is_late { " <strong class=\"late\">期限超過 overdue</strong>" } else { "" };
            let value = value.unwrap_or_else(|absent| absent);
            let _ = writeln!(
                body,
                "<tr data-item=\"{key}\"><th scope=\"row\">{}</th><td>{value}{mark}</td><td>{day}</td><td>{from}</td></tr>",
                both(*words)
            );
        }
        body.push_str("</tbody></table>\n");
        section(("次回の検査", "Next due"), &body, out);
    }

    fn course(&self, course: &[Fact<'_>], out: &mut String) {
        let mut days: BTreeMap<(&str, &str), Vec<&Fact<'_>>> = BTreeMap::new();
        for fact in course {
            days.entry((fact.day, fact.source)).or_default().push(fact);
        }
        let in_table = |facts: &&(_, Vec<&Fact<'_>>)| {
            facts
                .1
                .iter()
                .any(|fact| fact.item == "visit" || COURSE.iter().any(|(.., items)| items.contains(&fact.item)))
        };
        let days: Vec<_> = days.into_iter().rev().collect();
        let shown: Vec<_> = days.iter().filter(in_table).take(DAYS).collect();
        let mut body = String::from(
            "<table class=\"course\"><thead><tr><th scope=\"col\">日付 <span lang=\"en\">Date</span></th><th scope=\"col\">施設 <span lang=\"en\">Facility</span></th>",
        );
        for (words, unit, _) in COURSE {
            let _ = write!(body, "<th scope=\"col\">{}<br><small>{}</small></th>", both(*words), escaped(unit));
        }
        body.push_str("</tr></thead><tbody>\n");
        if shown.is_empty() {
            let _ = write!(
                body,
                "<tr><td colspan=\"{}\">記録なし <span lang=\"en\">none on record</span></td></tr>",
                COURSE.len() + 2
            );
        }
        for ((day, source), facts) in shown {
            let _ = write!(body, "<tr><th scope=\"row\">{}</th><td>{}</td>", escaped(day), self.name(source));
            for (.., items) in COURSE {
                let cells: Vec<String> = items
                    .iter()
                    .filter_map(|item| {
                        let of_day: Vec<String> =
                            facts.iter().filter(|fact| fact.item == *item).map(|fact| escaped(&fact.value)).collect();
                        (!of_day.is_empty()).then(|| of_day.join(" "))
                    })
                    .collect();
                let _ = write!(body, "<td>{}</td>", cells.join("/"));
            }
            body.push_str("</tr>\n");
        }
        body.push_str("</tbody></table>\n");
        section(("検査の経過", "Course"), &body, out);
    }

    fn facilities(&self, course: &[Fact<'_>], out: &mut String) {
        let mut known: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
        for fact in course {
            let (visits, last) = known.entry(fact.source).or_insert((0, fact.day));
            *visits += usize::from(fact.item == "visit");
            *last = (*last).max(fact.day);
        }
        let mut closed: BTreeMap<&str, &str> = BTreeMap::new();
        for key in ITEMS {
            let absent = self.row.text(&format!("{key}_absent"));
            let (Some(absent @ ("not-consented" | "not-linked")), Some(note)) =
                (absent, self.row.text(&format!("{key}_note")))
            else {
                continue;
            };
            for part in note.split(", ") {
                closed.insert(part.rsplit(": ").next().unwrap_or(part), absent);
            }
        }
        let mut body = String::from(
            "<table><thead><tr><th scope=\"col\">施設 <span lang=\"en\">Facility</span></th><th scope=\"col\">受診 <span lang=\"en\">Visits</span></th>\
             <th scope=\"col\">最後の記録 <span lang=\"en\">Last record</span></th><th scope=\"col\">閲覧 <span lang=\"en\">Seen</span></th></tr></thead><tbody>\n",
        );
        let all: BTreeSet<&str> =
            known.keys().chain(closed.keys()).copied().chain([self.read.facility.as_str()]).collect();
        for facility in all {
            let (visits, last) = known.get(facility).copied().unwrap_or((0, ""));
            let seen = match closed.get(facility).and_then(|code| ABSENT.iter().find(|(known, _)| known == code)) {
                Some((code, words)) => format!(
                    "<span class=\"absent {code}\">一部 <span lang=\"en\">in part:</span> {}</span>",
                    both(*words)
                ),
                None => "開示あり <span lang=\"en\">open</span>".to_owned(),
            };
            let _ = writeln!(
                body,
                "<tr><th scope=\"row\">{}</th><td>{visits}</td><td>{}</td><td>{seen}</td></tr>",
                self.name(facility),
                escaped(last)
            );
        }
        body.push_str("</tbody></table>\n");
        section(("関わる施設", "Facilities involved"), &body, out);
    }
}
