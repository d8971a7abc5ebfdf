// One woman's pregnancy as a sheet of white paper, after the mother and child handbook.

import { made } from "../page";
import { current } from "../words";
import * as curves from "./curves";
import type { Checkup, LevelRow, PregnancySheet, Warning, Whole } from "./node";
import { absent, elsewhere, howFar, lacking, lines, present, several, toTerm, unverified } from "./parts";
import { aside, listed, nameOf, namesOf, tell, tellAge, tellCode, tellDay, tellFactor, tellLimit, tellNumber, tellSigned, tellTime } from "./words";

export interface Turned {
  bed: (bed: string) => void;
  records: (patient: string) => void;
  pregnancy: (pregnancy: number) => void;
}

type Cell = string | Node;

/** The sheet of one of her pregnancies. */
export function sheet(answer: PregnancySheet, of: Whole, turned: Turned): HTMLElement {
  const whole = made("article", "booklet pregnancy");
  whole.lang = current();
  whole.dataset.patient = answer.number;
  const checkups = answer.checkups.filter((one) => one.pregnancy === of.pregnancy);
  whole.append(
    head(answer, of, turned),
    registration(answer, of),
    warnings(answer, answer.warnings.filter((one) => one.pregnancy === of.pregnancy)),
    screening(answer, of),
    section(tell("checkups"), "checkups", checkupTable(answer, of, checkups)),
    growth(answer, of, checkups),
    ...birth(answer, of, turned),
    ...monitored(answer, of, turned),
    ...levels(answer, of),
    foot(answer, of),
  );
  return whole;
}

function section(title: string, name: string, ...parts: Cell[]): HTMLElement {
  const whole = made("section", "");
  whole.dataset.part = name;
  whole.append(made("h3", "", title), ...parts);
  return whole;
}

/** A table with a caption that is heard, and heads. */
function grid(caption: string, heads: Cell[], rows: HTMLElement[], className = ""): HTMLElement {
  const whole = made("table", className);
  whole.append(made("caption", "sr-only", caption));
  const head = made("tr", "");
  for (const cell of heads) {
    const th = made("th", "");
    th.setAttribute("scope", "col");
    th.append(cell);
    head.append(th);
  }
  const [top, body] = [document.createElement("thead"), document.createElement("tbody")];
  top.append(head);
  body.append(...rows);
  whole.append(top, body);
  const scroll = made("div", "sheet-scroll");
  scroll.tabIndex = 0;
  scroll.setAttribute("role", "region");
  scroll.setAttribute("aria-label", caption);
  scroll.append(whole);
  return scroll;
}

function line(first: Cell, rest: Cell[]): HTMLElement {
  const row = made("tr", "");
  const th = made("th", "");
  th.setAttribute("scope", "row");
  th.append(first);
  row.append(
    th,
    ...rest.map((cell) => {
      const td = made("td", "");
      td.append(cell);
      return td;
    }),
  );
  return row;
}

function facts(pairs: (readonly [string, Cell] | undefined)[]): HTMLElement {
  const list = made("dl", "who");
  for (const [word, value] of present(pairs)) {
    const pair = made("div", "");
    const dd = made("dd", "");
    dd.append(value);
    pair.append(made("dt", "", word), dd);
    list.append(pair);
  }
  return list;
}

function head(answer: PregnancySheet, of: Whole, turned: Turned): HTMLElement {
  const whole = made("header", "");
  const { patient, today, names } = answer;
  whole.append(made("h2", "sheet-title", tell("sheet")));
  const which = answer.pregnancies.length > 1 ? chooser(answer, of, turned) : undefined;
  whole.append(several(present<Cell>([`${nameOf(names, answer.facility)} · ${today} `, which]), "sheet-where"));
  const born = patient.birth_date ?? null;
  whole.append(
    facts([
      [tell("name"), patient.name || "—"],
      [tell("kana"), patient.kana || "—"],
      [tell("number"), answer.number],
      [tell("born"), born === null ? "—" : `${born}${aside(`${years(born, today)}${tell("years")}`)}`],
      [tell("state"), several([made("b", "", howFar(of))])],
      of.due_date === null
        ? [tell("due"), tell("notDated")]
        : [tell("due"), several(present<Cell>([of.due_date, of.outcome === "pregnant" && made("small", "", ` ${toTerm(of.due_date, today)}`)]))],
    ]),
  );
  return whole;
}

function chooser(answer: PregnancySheet, of: Whole, turned: Turned): HTMLElement {
  const select = document.createElement("select");
  select.setAttribute("aria-label", tell("which"));
  select.className = "sheet-which";
  for (const one of answer.pregnancies) {
    const option = document.createElement("option");
    option.value = String(one.pregnancy);
    option.textContent = `${one.pregnancy}: ${one.begun.slice(0, 4)} ${tellCode(one.outcome)}`;
    option.selected = one.pregnancy === of.pregnancy;
    select.append(option);
  }
  select.addEventListener("change", () => turned.pregnancy(Number(select.value)));
  return select;
}

/** Completed years. */
function years(born: string, today: string): number {
  const [year, before] = [Number(today.slice(0, 4)) - Number(born.slice(0, 4)), today.slice(5) < born.slice(5)];
  return before ? year - 1 : year;
}

function registration(answer: PregnancySheet, of: Whole): HTMLElement {
  const number = (value: number | null, unit: string, digits = 1): string =>
    value === null ? "—" : `${tellNumber(value, digits)} ${unit}`;
  const mass = of.height !== null && of.weight_before !== null ? of.weight_before / (of.height / 100) ** 2 : null;
  const before = of.due_dates_before.map((text) => {
    const [day = "", basis = ""] = text.split(" ");
    return `${day}${aside(tellCode(basis))}`;
  });
  return section(
    tell("registration"),
    "registration",
    facts([
      [tell("registered"), tellDay(of.registered_at) || "—"],
      [tell("due"), of.due_date === null ? tell("notDated") : `${of.due_date}${aside(tellCode(of.due_basis ?? ""))}`],
      before.length > 0 ? [tell("dueBefore"), listed(before)] : undefined,
      [tell("gravidaPara"), `G${of.gravida ?? "?"} P${of.para ?? "?"}`],
      [tell("children"), of.children === null ? "—" : String(of.children)],
      [tell("height"), number(of.height, "cm")],
      [tell("weightBefore"), number(of.weight_before, "kg")],
      [tell("bmi"), mass === null ? "—" : tellNumber(mass, 1)],
      [tell("history"), of.history.length === 0 ? tell("none") : listed(of.history.map(tellCode))],
      [tell("sources"), namesOf(answer.names, of.sources)],
    ]),
    ...present<Cell>([closedNote(answer, of)]),
  );
}

function closedNote(answer: PregnancySheet, of: Whole): HTMLElement | undefined {
  const closed = elsewhere(of, answer.names);
  if (!closed) return undefined;
  const note = made("p", "note", `${tell("closedPart")}: `);
  note.append(closed);
  return note;
}

// === Warnings and risk ===

const SAID = ["reached", "cannot-be-said", "not-reached"];

function warnings(answer: PregnancySheet, told: Warning[]): HTMLElement {
  const byRule = new Map<string, Warning[]>();
  for (const one of told) byRule.set(one.rule, [...(byRule.get(one.rule) ?? []), one]);
  const rank = (all: Warning[]): number => SAID.indexOf(all[0]?.said ?? "");
  const rules = [...byRule.values()].sort((a, b) => rank(a) - rank(b));
  const rows = rules.filter((all) => all[0]?.said !== "not-reached").map((all) => warning(answer, all));
  const quiet = rules.filter((all) => all[0]?.said === "not-reached").map((all) => tellCode(all[0]?.rule ?? ""));
  const heads = [tell("rule"), tell("judged"), tell("limit"), tell("measuredAt"), tell("from"), tell("missing"), tell("facility")];
  const none = told.some((one) => one.said === "reached") ? undefined : made("p", "note", tell("noWarnings"));
  return section(
    tell("warnings"),
    "warnings",
    ...present<Cell>([
      none,
      rows.length > 0 && grid(tell("warnings"), heads, rows, "warnings"),
      quiet.length > 0 && made("p", "note", `${tell("notReached")}: ${listed(quiet)}`),
      made("p", "note", tell("unverifiedHelp")),
    ]),
  );
}

/** A rule, with every limit of it that is reached. */
function warning(answer: PregnancySheet, all: Warning[]): HTMLElement {
  const [one] = all as [Warning];
  const reached = all.filter((other) => other.limit_key !== null);
  const values = reached.map((other) => {
    const unit = other.unit ? ` ${other.unit}` : "";
    return several(
      present<Cell>([
        limitName(other.limit_key ?? ""),
        other.value !== null && made("b", "", ` ${tellNumber(other.value, other.value % 1 === 0 ? 0 : 1)}${unit}`),
        other.limit_value !== null && made("small", "", aside(`${tell("limitIs")} ${other.limit_value}${unit}`)),
        other.measured_by === "monitor" && made("small", "", aside(tell("byMonitor"))),
      ]),
    );
  });
  const times = new Set(all.map((other) => tellTime(other.at)).filter((text) => text !== ""));
  const since = new Set(
    all.flatMap((other) => (other.since !== null && other.since !== other.at ? [`${tellTime(other.since)} ${tell("since")}`] : [])),
  );
  const judged = lines(
    present<Cell>([
      made("b", one.said === "reached" ? "late" : "", tellCode(one.said)),
      one.class !== null && tellCode(one.class),
    ]),
  );
  const row = line(tellCode(one.rule), [
    judged,
    lines(values),
    lines([...times, ...[...since].map((text) => made("small", "", text))]),
    from(all),
    several(one.missing.flatMap((what) => [lacking(what, answer.names), " "]), "lackings"),
    namesOf(answer.names, one.sources),
  ]);
  row.dataset.rule = one.rule;
  row.dataset.said = one.said;
  return row;
}

/** What a limit is called; its key, by which a facility states its own, on asking. */
function limitName(key: string): HTMLElement {
  const name = made("span", "limit", tellLimit(key));
  name.title = key;
  return name;
}

/** Where the limits come from, each source once, with how certain it is. */
function from(all: Warning[]): HTMLElement {
  const version = made("small", "", `${tell("version")} ${all[0]?.version ?? ""}`);
  const sources = new Map<string, Cell>();
  for (const one of all) {
    if (one.limit_own === true) {
      sources.set("own", tell("ownLimit"));
      continue;
    }
    const text = one.source_text ?? one.rule_source;
    const certainty = one.certainty ?? one.rule_certainty;
    sources.set(
      `${text} ${certainty}`,
      several(present<Cell>([text, made("small", "", ` ${tell("certainty")} ${certainty} `), unverified(certainty)])),
    );
  }
  return lines([...sources.values(), version]);
}

function screening(answer: PregnancySheet, of: Whole): HTMLElement {
  const rows = of.risk_factors.map((text) => {
    const [what, by] = tellFactor(text);
    return line(what, [by || "✓"]);
  });
  const missing = made("p", "note", `${tell("notLookedAt")}: `);
  missing.append(...of.risk_not_looked_at.flatMap((one) => [lacking(one, answer.names), " "]));
  return section(
    tell("screening"),
    "screening",
    ...present<Cell>([
      rows.length > 0 ? grid(tell("screening"), [tell("factor"), tell("because")], rows, "factors") : made("p", "note", tell("noFactor")),
      of.risk_not_looked_at.length > 0 && missing,
      made("p", "note", tell("screeningSays")),
    ]),
  );
}

// === Check-ups and curves ===

const unit = (word: string, of: string): HTMLElement => lines([word, made("small", "", of)]);
const shown = (value: number | null, digits = 0): string => (value === null ? "—" : tellNumber(value, digits));
const coded = (code: string | null): string => (code === null ? "—" : tellCode(code));

function checkupTable(answer: PregnancySheet, of: Whole, checkups: Checkup[]): HTMLElement {
  if (checkups.length === 0) return made("p", "note", tell("noCheckups"));
  const heads: Cell[] = [
    tell("date"),
    tell("weeks"),
    tell("facility"),
    unit(tell("weight"), "kg"),
    unit(tell("gain"), "kg"),
    unit(tell("pressure"), "mmHg"),
    tell("protein"),
    tell("sugar"),
    unit(tell("fundal"), "cm"),
    unit(tell("cervix"), "mm"),
    tell("fetus"),
    unit(tell("heart"), "/min"),
    tell("lie"),
    unit("BPD", "mm"),
    unit("AC", "mm"),
    unit("FL", "mm"),
    unit(tell("efw"), "g"),
    "SD",
  ];
  const rows = checkups.map((one, at) => {
    const before = checkups[at - 1];
    const first = before === undefined || before.at !== one.at || before.source !== one.source;
    const fetuses = checkups.filter((other) => other.at === one.at && other.source === one.source).length;
    return checkup(answer, of, one, first ? fetuses : 0);
  });
  const whole = made("div", "");
  const sources = [...new Set(checkups.map((one) => one.growth_table).filter((text) => text !== null))];
  const formulas = [...new Set(checkups.map((one) => one.estimated_source).filter((text) => text !== null))];
  const certainty = checkups.find((one) => one.estimated_certainty !== null)?.estimated_certainty;
  whole.append(
    grid(tell("checkups"), heads, rows, "course checkups"),
    made("p", "note", tell("dash")),
    ...formulas.map((text) => made("p", "note", `${tell("byFormula")}: ${text}${aside(`${tell("certainty")} ${certainty ?? "?"}`)}`)),
    ...sources.map((text) => made("p", "note", `${tell("deviationBy")}: ${text}`)),
  );
  return whole;
}

/** One row per fetus; what is of the mother stands once, over the rows of her fetuses. */
function checkup(answer: PregnancySheet, of: Whole, one: Checkup, over: number): HTMLElement {
  const row = made("tr", "");
  const cell = (text: string, span = 1, tag = "td"): void => {
    const made_ = made(tag, "", text);
    if (tag === "th") made_.setAttribute("scope", span > 1 ? "rowgroup" : "row");
    if (span > 1) made_.setAttribute("rowspan", String(span));
    row.append(made_);
  };
  if (over > 0) {
    const gained = one.weight !== null && of.weight_before !== null ? one.weight - of.weight_before : null;
    cell(tellDay(one.at), over, "th");
    cell(tellAge(one.gestational_age) || "—", over);
    cell(nameOf(answer.names, one.source), over);
    cell(shown(one.weight, 1), over);
    cell(gained === null ? "—" : tellSigned(gained), over);
    cell(one.systolic === null ? "—" : `${shown(one.systolic)}/${shown(one.diastolic)}`, over);
    cell(coded(one.urine_protein), over);
    cell(coded(one.urine_glucose), over);
    cell(shown(one.fundal_height, 1), over);
    cell(shown(one.cervix_length), over);
  }
  cell(one.fetus === null ? "—" : String(one.fetus));
  cell(shown(one.heart_rate));
  cell(coded(one.presentation));
  for (const value of [one.bpd, one.ac, one.fl]) cell(shown(value));
  cell(one.estimated_weight === null ? "—" : `${shown(one.estimated_weight)}${one.estimated_how === "formula" ? "*" : ""}`);
  cell(one.deviations === null ? "—" : tellSigned(one.deviations));
  return row;
}

function growth(answer: PregnancySheet, of: Whole, checkups: Checkup[]): HTMLElement {
  const drawn = made("div", "curves");
  drawn.append(...curves.growth(checkups, answer.growth), ...curves.mother(checkups, of.weight_before));
  const tables = [...new Set(answer.growth.map((row) => row.source_text))];
  const band = tables.length === 0 ? tell("noTable") : `${tell("band")}: ${listed(tables)}`;
  return section(
    tell("growth"),
    "curves",
    ...present<Cell>([
      drawn,
      made("p", "note", band),
      checkups.some((one) => one.gestational_days === null) && made("p", "note", tell("notDatedCurves")),
    ]),
  );
}

// === The birth, and what is watched ===

function birth(answer: PregnancySheet, of: Whole, turned: Turned): HTMLElement[] {
  if (of.outcome !== "born" && of.outcome !== "ended" && of.newborns.length + of.newborns_mine.length === 0) return [];
  const rows = [
    ...of.newborns_mine.map((text) => {
      const found = /^(\d) (.+)$/.exec(text);
      const [fetus, number] = found ? [found[1] ?? "", found[2] ?? ""] : ["", text];
      const who = answer.newborns.find((one) => one.my_patient_id === number);
      const button = made("button", "link", tell("toRecords")) as HTMLButtonElement;
      button.type = "button";
      button.dataset.newborn = number;
      button.addEventListener("click", () => turned.records(number));
      return line(fetus || "—", [who?.name || "—", who?.birth_date ?? "—", `${tell("own")} ${number}`, button]);
    }),
    ...of.newborns.map((text) => {
      const parts = text.split(" ");
      const fetus = parts.length > 2 ? (parts.shift() ?? "") : "";
      const [facility = "", ...number] = parts;
      return line(fetus || "—", ["—", "—", `${nameOf(answer.names, facility)} ${number.join(" ")}`, ""]);
    }),
  ];
  const heads = [tell("fetus"), tell("name"), tell("born"), tell("number"), ""];
  return [
    section(
      tell("birth"),
      "birth",
      facts([
        [tell("ended"), tellTime(of.ended_at) || "—"],
        [tell("endedAge"), tellAge(of.ended_age) || "—"],
        of.term === null ? undefined : [tell("term"), tellCode(of.term)],
        [tell("delivery"), of.delivery === null ? "—" : tellCode(of.delivery)],
      ]),
      ...present<Cell>([rows.length > 0 && grid(tell("newborn"), heads, rows, "newborns")]),
    ),
  ];
}

function monitored(answer: PregnancySheet, of: Whole, turned: Turned): HTMLElement[] {
  const until = of.ended_at ?? answer.moment_us;
  const beds = (answer.beds ?? []).filter((one) => one.opened !== null && tellDay(one.opened) >= of.begun && one.opened <= until);
  if (beds.length === 0) return [];
  const rows = beds.map((one) => {
    const button = made("button", "link", tell("openTheBed")) as HTMLButtonElement;
    button.type = "button";
    button.dataset.bed = one.id;
    button.addEventListener("click", () => turned.bed(one.id));
    return line(one.bed || "—", [
      nameOf(answer.names, one.source),
      tellTime(one.opened),
      one.closed === null ? tell("now") : tellTime(one.closed),
      one.closed === null ? button : "",
    ]);
  });
  return [section(tell("monitored"), "beds", grid(tell("monitored"), [tell("bed"), tell("facility"), tell("opened"), tell("closed"), ""], rows, "watched"))];
}

/** What the analysis said of each ten minutes, bed by bed and fetus by fetus. */
function levels(answer: PregnancySheet, of: Whole): HTMLElement[] {
  const until = of.ended_at ?? answer.moment_us;
  const told = (answer.levels ?? []).filter((one) => tellDay(one.from_at) >= of.begun && one.from_at <= until);
  if (told.length === 0) return [];
  const traces = new Map<string, LevelRow[]>();
  for (const one of told) {
    const key = `${one.bed} ${one.lead}`;
    traces.set(key, [...(traces.get(key) ?? []), one]);
  }
  const rows = [...traces.values()].map((all) => {
    const [first] = all as [LevelRow];
    const named = answer.beds?.find((bed) => bed.id === first.bed)?.bed;
    const highest = all.reduce((a, b) => ((b.jsog_level ?? 0) > (a.jsog_level ?? 0) ? b : a));
    const weeks = new Set(all.map((one) => (one.week === "unknown" ? tell("readUnknown") : tellAge(one.week))));
    return line(named || first.session, [
      `${nameOf(answer.names, first.source)} ${tell("fetus")} ${first.lead.replace("fhr", "")}`,
      tellTime(first.from_at),
      listed([...weeks]),
      highest.jsog_level === null ? "—" : `${levelText(highest)} ${tellTime(highest.from_at)}`,
      several(all.map(levelCell), "level-cells"),
    ]);
  });
  const confirmed = [...new Set(told.flatMap((one) => (one.jsog_confirmed_by === null ? [] : [one.jsog_confirmed_by])))];
  const heads = [tell("bed"), tell("facility"), tell("since"), tell("readBy"), tell("highest"), tell("level")];
  return [
    section(
      tell("levels"),
      "levels",
      ...present<Cell>([
        grid(tell("levels"), heads, rows, "levels"),
        told.some((one) => one.jsog_unverified === true) && made("p", "note", tell("levelUnverified")),
        confirmed.length > 0 && made("p", "note", `${tell("levelConfirmed")}: ${listed(confirmed)}`),
        made("p", "note", tell("levelNone")),
      ]),
    ),
  ];
}

const levelText = (one: LevelRow): string => (one.jsog_level === null ? "—" : `${one.jsog_level}${one.jsog_unverified === true ? "?" : ""}`);

function levelCell(one: LevelRow): HTMLElement {
  const cell = made("span", "level-cell", levelText(one));
  cell.dataset.level = String(one.jsog_level ?? "none");
  cell.dataset.standing = one.standing;
  cell.title = tellTime(one.from_at);
  return cell;
}

function foot(answer: PregnancySheet, of: Whole): HTMLElement {
  const whole = made("footer", "");
  const chips = made("p", "");
  for (const code of ["not-measured", "not-consented", "not-linked", "not-stated"]) chips.append(absent(code, [], answer.names), " ");
  whole.append(chips, made("p", "", tell("sheetSays")));
  if (of.refused > 0) whole.append(made("p", "", `${tell("refused")}: ${of.refused}`));
  return whole;
}

