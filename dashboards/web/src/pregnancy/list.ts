// The pregnancies of the view, in the order in which they need looking at: the order is the node's.

import { table } from "../office";
import { made } from "../page";
import { current } from "../words";
import type { Listed, Pregnancies } from "./node";
import { absent, elsewhere, factorText, howFar, lines, present, several, toTerm, unverified } from "./parts";
import { daysBetween, nameOf, namesOf, tell, tellCode, tellDay } from "./words";

/** For so long after a birth a woman is still looked after, days: as long as warnings are told of her. */
const AFTER_BIRTH = 84;

export const isCurrent = (of: Listed, today: string): boolean =>
  of.outcome === "pregnant" || (of.ended_at !== null && daysBetween(tellDay(of.ended_at), today) <= AFTER_BIRTH);

export interface Chosen {
  woman: (patient: string, pregnancy: number) => void;
  bed: (bed: string) => void;
}

export function list(answer: Pregnancies, all: boolean, chosen: Chosen): HTMLElement {
  const women = answer.women.filter((one) => all || isCurrent(one, answer.today));
  if (women.length === 0) return made("p", "says", answer.women.length === 0 ? tell("nobody") : tell("nobodyNow"));
  const heads = [
    tell("woman"),
    tell("attention"),
    tell("weeks"),
    tell("due"),
    tell("gravidaPara"),
    tell("risk"),
    tell("lastCheckup"),
    tell("nextCheckup"),
    tell("bed"),
    tell("records"),
  ];
  const caption = `${women.length} ${tell("pregnanciesCount")}`;
  const whole = table(caption, heads, women.map((one) => row(one, answer, chosen)));
  whole.classList.add("women");
  women.forEach((one, at) => {
    const line = whole.querySelectorAll<HTMLElement>("tbody tr")[at];
    if (!line) return;
    line.dataset.patient = one.my_patient_id;
    line.dataset.attention = one.warnings.length > 0 ? "warning" : one.overdue ? "overdue" : "";
  });
  return whole;
}

function row(of: Listed, answer: Pregnancies, chosen: Chosen): (string | HTMLElement)[] {
  const { names, today } = answer;
  const open = made("button", "link", of.name || of.my_patient_id) as HTMLButtonElement;
  open.type = "button";
  open.dataset.patient = of.my_patient_id;
  open.dataset.pregnancy = String(of.pregnancy);
  open.addEventListener("click", () => chosen.woman(of.my_patient_id, of.pregnancy));
  const who = lines(present<string | Node>([open, of.name !== null && of.name !== "" && made("small", "", of.my_patient_id)]));

  const attention = [
    ...of.warnings.map((one) =>
      several(
        present<string | Node>([
          made("b", "strong", tellCode(one.rule)),
          one.class !== null && ` ${tellCode(one.class)}`,
          unverified(one.certainty) && several([" ", unverified(one.certainty) as HTMLElement]),
        ]),
      ),
    ),
    ...(of.overdue ? [made("b", "strong", tell("overdue"))] : []),
  ];
  const due = present<string | Node>([
    of.due_date ?? tell("notDated"),
    of.due_date !== null && of.outcome === "pregnant" && made("small", "", toTerm(of.due_date, today)),
    of.due_basis !== null && made("small", "", `${tellCode(of.due_basis)}`),
  ]);
  const late = of.overdue && of.checkup_due !== null ? daysBetween(of.checkup_due, today) : 0;
  const next = present<string | Node>([
    of.checkup_due ?? "—",
    late > 0 && made("b", "strong", current() === "ja" ? `${late}${tell("overdueBy")}` : `${late} ${tell("overdueBy")}`),
  ]);
  const last =
    of.last_checkup_at === null
      ? [of.elsewhere === null ? absent("not-measured", [], names) : tell("noCheckup")]
      : [tellDay(of.last_checkup_at), made("small", "", `${of.checkups} ${tell("times")}`)];
  const risk = [
    ...of.risk_factors.map(factorText),
    ...(of.risk_factors.length === 0 ? [tell("noFactor")] : []),
    ...(of.risk_not_looked_at.length > 0 ? [made("small", "", `${tell("notLookedAt")}: ${of.risk_not_looked_at.length}`)] : []),
  ];
  return [
    who,
    attention.length === 0 ? "—" : lines(attention),
    lines(present<string | Node>([howFar(of), (of.children ?? 1) > 1 && made("small", "", `${tell("children")} ${of.children}`)])),
    lines(due),
    `G${of.gravida ?? "?"} P${of.para ?? "?"}`,
    lines(risk),
    lines(last),
    of.outcome === "pregnant" ? lines(next) : "",
    bed(of, answer, chosen),
    lines(present<string | Node>([namesOf(names, of.sources), elsewhere(of, names)])),
  ];
}

function bed(of: Listed, { names, beds }: Pregnancies, chosen: Chosen): string | HTMLElement {
  const open = beds?.[of.my_patient_id];
  if (!open || of.outcome !== "pregnant") return "";
  const button = made("button", "link", open.bed || tell("bed")) as HTMLButtonElement;
  button.type = "button";
  button.dataset.bed = open.id;
  button.setAttribute("aria-label", `${open.bed || tell("bed")}: ${tell("openTheBed")}`);
  button.addEventListener("click", () => chosen.bed(open.id));
  return lines([button, made("small", "", nameOf(names, open.source))]);
}
