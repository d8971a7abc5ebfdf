// What the node answers of pregnancies: rows of its tables, by their columns. Days are texts, moments microseconds.

/** Facilities by id: what they are called in Japanese and English. */
export type Names = Record<string, readonly [string, string]>;

export interface OpenBed {
  id: string;
  bed: string | null;
  source: string;
  opened: number | null;
}

/** What list and sheet both say of a pregnancy. */
export interface Pregnancy {
  my_patient_id: string;
  pregnancy: number;
  outcome: string;
  gravida: number | null;
  para: number | null;
  children: number | null;
  due_date: string | null;
  due_basis: string | null;
  due_dates_before: string[];
  gestational_days: number | null;
  gestational_age: string | null;
  checkups: number;
  last_checkup_at: number | null;
  checkup_due: string | null;
  risk_factors: string[];
  risk_not_looked_at: string[];
  ended_at: number | null;
  ended_age: string | null;
  delivery: string | null;
  sources: string[];
  elsewhere: string | null;
  elsewhere_at: string | null;
}

export interface Listed extends Pregnancy {
  name: string | null;
  kana: string | null;
  birth_date: string | null;
  overdue: boolean;
  warnings: { rule: string; class: string | null; certainty: string }[];
}

interface Answered {
  frontier: string;
  moment_us: number;
  age_ms: number;
  today: string;
  names: Names;
}

export interface Pregnancies extends Answered {
  cut: boolean;
  women: Listed[];
  /** By the patient's number; null where they were not asked for. */
  beds: Record<string, OpenBed> | null;
}

export interface Whole extends Pregnancy {
  registered_at: number | null;
  height: number | null;
  weight_before: number | null;
  history: string[];
  begun: string;
  term: string | null;
  newborns: string[];
  newborns_mine: string[];
  refused: number;
}

/** A check-up and one of its fetuses. */
export interface Checkup {
  pregnancy: number;
  at: number;
  source: string;
  gestational_days: number | null;
  gestational_age: string | null;
  weight: number | null;
  systolic: number | null;
  diastolic: number | null;
  urine_protein: string | null;
  urine_glucose: string | null;
  fundal_height: number | null;
  cervix_length: number | null;
  placenta_praevia: boolean | null;
  fetus: number | null;
  presentation: string | null;
  heart_rate: number | null;
  bpd: number | null;
  ac: number | null;
  fl: number | null;
  estimated_weight: number | null;
  estimated_how: string | null;
  deviations: number | null;
  growth_table: string | null;
  estimated_source: string | null;
  estimated_certainty: string | null;
}

export interface Warning {
  pregnancy: number;
  rule: string;
  said: string;
  class: string | null;
  limit_key: string | null;
  limit_value: number | null;
  value: number | null;
  unit: string | null;
  at: number | null;
  since: number | null;
  missing: string[];
  /** `monitor`, or `record`. */
  measured_by: string | null;
  limit_own: boolean | null;
  certainty: string | null;
  source_text: string | null;
  rule_source: string;
  rule_certainty: string;
  version: string;
  sources: string[];
}

/** Ten minutes of a fetus at a bed, as `ctg_windows` has them. */
export interface LevelRow {
  bed: string;
  source: string;
  session: string;
  lead: string;
  from_at: number;
  until_at: number;
  /** `final`, or `provisional`. */
  standing: string;
  /** The week it was read by; `unknown`: as from 32 weeks on. */
  week: string;
  jsog_level: number | null;
  jsog_unverified: boolean | null;
  jsog_confirmed_by: string | null;
  not_assessable: string | null;
}

export interface GrowthRow {
  measure: string;
  unit: string;
  gestational_days: number;
  gestational_age: string;
  mean: number;
  deviation: number;
  source_text: string;
}

interface Person {
  my_patient_id?: string;
  name?: string | null;
  kana?: string | null;
  birth_date?: string | null;
  sex?: string | null;
}

export interface PregnancySheet extends Answered {
  number: string;
  facility: string;
  patient: Person;
  pregnancies: Whole[];
  checkups: Checkup[];
  warnings: Warning[];
  /** Null where they were not asked for. */
  beds: (OpenBed & { closed: number | null })[] | null;
  /** In order; null where they were not asked for. */
  levels: LevelRow[] | null;
  growth: GrowthRow[];
  newborns: Person[];
}
