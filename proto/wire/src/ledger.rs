//! Audit events and receipts.

use crate::error::{At, Rule, WireError, Within, required};
use crate::v1;
use crate::vocabulary::{Vocabulary, id_if, moment, moment_if, patient};
use bytes::Bytes;
use model::{
    ActId, Agent, AuditEvent, AuditOutcome, BedDeed, BedHandover, BedPlace, BedWatcher, Category, ConsentId, Counts,
    CriticalAction, DefinitionName, Digest, FacilityId, Frontier, MemberId, Moment, OwnWords, Purpose, Receipt,
    ReferralId, ReferralStep, Role, Salt, Shown, What, WorklistAct, WorklistEntry,
};
use std::collections::BTreeMap;

fn fixed<const N: usize>(field: &str, bytes: &Bytes) -> Result<[u8; N], WireError> {
    let found = bytes.len();
    <[u8; N]>::try_from(bytes.as_ref()).map_err(|_| WireError::new(field, Rule::Bytes { found, expected: N }))
}

fn frontier(field: &str, frontier: Option<v1::Frontier>) -> Result<Frontier, WireError> {
    Ok(Frontier::from(required(field, frontier)?))
}

/// Counts, so that what goes out comes in and nothing else does: no category twice, no category without rows.
fn counts(field: &str, rows: Vec<v1::CategoryRows>) -> Result<Counts, WireError> {
    let mut counts = Counts::default();
    for (at, v1::CategoryRows { category, rows }) in rows.into_iter().enumerate() {
        let category = Category::from_number(category).at("category").within(&format!("{field}[{at}]"))?;
        if rows == 0 {
            return Err(WireError::new(format!("{field}[{at}].rows"), Rule::NotPositive));
        }
        if counts.of(category) > 0 {
            return Err(WireError::new(format!("{field}[{at}].category"), Rule::Repeated));
        }
        counts.add(category, rows);
    }
    Ok(counts)
}

fn counts_out(counts: &Counts) -> Vec<v1::CategoryRows> {
    counts.iter().map(|(category, rows)| v1::CategoryRows { category: category.number(), rows }).collect()
}

fn shown(rows: Vec<v1::ShownRows>) -> Result<Shown, WireError> {
    let mut shown = Shown::default();
    for (at, v1::ShownRows { patient: patient_ref, rows }) in rows.into_iter().enumerate() {
        let place = format!("shown[{at}]");
        let patient = patient("patient", patient_ref).within(&place)?;
        let counts = counts("rows", rows).within(&place)?;
        if counts.is_empty() {
            return Err(WireError::new(format!("{place}.rows"), Rule::Required));
        }
        if shown.of(&patient).is_some() {
            return Err(WireError::new(format!("{place}.patient"), Rule::Repeated));
        }
        for (category, rows) in counts.iter() {
            shown.add(&patient, category, rows);
        }
    }
    Ok(shown)
}

impl TryFrom<v1::AuditEvent> for AuditEvent {
    type Error = WireError;
    fn try_from(wire: v1::AuditEvent) -> Result<Self, WireError> {
        let v1::AuditEvent {
            id,
            part,
            facility,
            member,
            role,
            purpose,
            began_us,
            ended_us,
            outcome,
            shown: rows,
            salt,
            what,
        } = wire;
        let member = if member.is_empty() { None } else { Some(MemberId::parse(&member).at("member")?) };
        let (began, ended) = (moment("began_us", began_us)?, moment("ended_us", ended_us)?);
        if ended < began {
            return Err(WireError::new("ended_us", model::PeriodError));
        }
        let what = What::try_from(required("what", what)?)?;
        if matches!(what, What::Receipt(_)) && !rows.is_empty() {
            return Err(WireError::new("shown", Rule::Length { found: rows.len(), expected: 0, other: "receipt" }));
        }
        Ok(Self {
            id: ActId(u128::from_be_bytes(fixed("id", &id)?)),
            part,
            agent: Agent {
                facility: FacilityId::parse(&facility).at("facility")?,
                member,
                role: Role::from_number(role).at("role")?,
            },
            purpose: Purpose::from_number(purpose).at("purpose")?,
            what,
            began,
            ended,
            outcome: AuditOutcome::from_number(outcome).at("outcome")?,
            shown: shown(rows)?,
            salt: Salt::from_bytes(fixed("salt", &salt)?),
        })
    }
}

fn statement(field: &str, wire: v1::AuditedStatement) -> Result<(Digest, Frontier), WireError> {
    let v1::AuditedStatement { statement, seen } = wire;
    let read = || Ok((Digest::from_bytes(fixed("statement", &statement)?), frontier("seen", seen)?));
    read().within(field)
}

impl TryFrom<v1::audit_event::What> for What {
    type Error = WireError;
    fn try_from(wire: v1::audit_event::What) -> Result<Self, WireError> {
        use v1::audit_event::What as Wire;
        Ok(match wire {
            Wire::Query(wire) => {
                let (statement, seen) = statement("query", wire)?;
                Self::Query { statement, seen }
            }
            Wire::Export(wire) => {
                let (statement, seen) = statement("export", wire)?;
                Self::Export { statement, seen }
            }
            Wire::MachinePull(wire) => {
                let (statement, seen) = statement("machine_pull", wire)?;
                Self::MachinePull { statement, seen }
            }
            Wire::BreakGlass(wire) => {
                let (reason, seen) = statement("break_glass", wire)?;
                Self::BreakGlass { reason, seen }
            }
            Wire::Feed(v1::AuditedFeed { statement, since, seen, seconds }) => Self::Feed {
                statement: Digest::from_bytes(fixed("feed.statement", &statement)?),
                since: frontier("feed.since", since)?,
                seen: frontier("feed.seen", seen)?,
                seconds,
            },
            Wire::Disclosure(v1::AuditedDisclosure { since, seen }) => Self::Disclosure {
                since: frontier("disclosure.since", since)?,
                seen: frontier("disclosure.seen", seen)?,
            },
            Wire::Acknowledgement(v1::AuditedAcknowledgement { notice }) => {
                let notice = notice.parse().at("notice").within("acknowledgement")?;
                Self::Acknowledgement { notice }
            }
            Wire::Delivery(v1::AuditedAcknowledgement { notice }) => {
                let notice = notice.parse().at("notice").within("delivery")?;
                Self::Delivery { notice }
            }
            Wire::Action(v1::AuditedAction { notice, action, remark }) => {
                let read = || {
                    Ok::<_, WireError>(Self::Action {
                        notice: notice.parse().at("notice")?,
                        action: CriticalAction::from_number(action).at("action")?,
                        remark: OwnWords::parse(&remark).at("remark")?,
                    })
                };
                read().within("action")?
            }
            Wire::Worklist(v1::AuditedWorklist { cohort, patient, act, remark }) => {
                let read = || {
                    let cohort = DefinitionName::parse(&cohort).at("cohort")?;
                    let patient = self::patient("patient", patient)?;
                    Ok::<_, WireError>(Self::Worklist {
                        entry: WorklistEntry { cohort, patient },
                        act: WorklistAct::from_number(act).at("act")?,
                        remark: OwnWords::parse(&remark).at("remark")?,
                    })
                };
                read().within("worklist")?
            }
            Wire::Bed(v1::AuditedBed { patient, session, deed }) => {
                let read = || {
                    let bed = BedPlace { patient: self::patient("patient", patient)?, session };
                    Ok::<_, WireError>(Self::Bed { bed, deed: deed_in(required("deed", deed)?)? })
                };
                read().within("bed")?
            }
            Wire::Receipt(receipt) => Self::Receipt(Box::new(Receipt::try_from(receipt).within("receipt")?)),
        })
    }
}

fn act(field: &str, bytes: &Bytes) -> Result<ActId, WireError> {
    Ok(ActId(u128::from_be_bytes(fixed(field, bytes)?)))
}

fn deed_in(wire: v1::audited_bed::Deed) -> Result<BedDeed, WireError> {
    use v1::audited_bed::Deed;
    Ok(match wire {
        Deed::Acknowledged(v1::AuditedBedAlarm { alarm }) => {
            BedDeed::Acknowledged { alarm: alarm.parse().at("alarm").within("acknowledged")? }
        }
        Deed::Noted(v1::AuditedBedNote { at_us, text, replaces }) => {
            let read = || {
                let replaces = if replaces.is_empty() { None } else { Some(act("replaces", &replaces)?) };
                let text = OwnWords::parse(&text).at("text")?;
                Ok::<_, WireError>(BedDeed::Noted { at: moment("at_us", at_us)?, text, replaces })
            };
            read().within("noted")?
        }
        Deed::NoteTaken(note) => BedDeed::NoteTaken { note: act("note_taken", &note)? },
        Deed::HandedOver(handover) => BedDeed::HandedOver(BedHandover::try_from(handover).within("handed_over")?),
    })
}

impl TryFrom<v1::BedHandover> for BedHandover {
    type Error = WireError;
    fn try_from(wire: v1::BedHandover) -> Result<Self, WireError> {
        let v1::BedHandover { referral, to, step, watchers } = wire;
        let watcher = |(at, watcher): (usize, v1::BedWatcher)| {
            let v1::BedWatcher { facility, member, role, since_us, until_us } = watcher;
            let read = || {
                let agent = Agent {
                    facility: FacilityId::parse(&facility).at("facility")?,
                    member: id_if("member", &member, MemberId::parse)?,
                    role: Role::from_number(role).at("role")?,
                };
                let (since, until) = (moment("since_us", since_us)?, moment_if("until_us", until_us)?);
                Ok::<_, WireError>(BedWatcher { agent, since, until })
            };
            read().within(&format!("watchers[{at}]"))
        };
        Ok(Self {
            referral: ReferralId::parse(&referral).at("referral")?,
            to: FacilityId::parse(&to).at("to")?,
            step: ReferralStep::from_number(step).at("step")?,
            watchers: watchers.into_iter().enumerate().map(watcher).collect::<Result<_, _>>()?,
        })
    }
}

impl TryFrom<v1::WithdrawalReceipt> for Receipt {
    type Error = WireError;
    fn try_from(wire: v1::WithdrawalReceipt) -> Result<Self, WireError> {
        let v1::WithdrawalReceipt {
            consent,
            patient: patient_ref,
            position,
            withdrawn_us,
            hidden: rows,
            queries_passed_us,
            feeds_passed_us,
            exports_passed_us,
        } = wire;
        let mut hidden = BTreeMap::new();
        for (at, v1::HiddenRows { facility, rows }) in rows.into_iter().enumerate() {
            let place = format!("hidden[{at}]");
            let facility = FacilityId::parse(&facility).at("facility").within(&place)?;
            let counts = counts("rows", rows).within(&place)?;
            if hidden.insert(facility, counts).is_some() {
                return Err(WireError::new(format!("{place}.facility"), Rule::Repeated));
            }
        }
        Ok(Self {
            consent: ConsentId::parse(&consent).at("consent")?,
            patient: patient("patient", patient_ref)?,
            position: required("position", position)?.into(),
            withdrawn_at: moment("withdrawn_us", withdrawn_us)?,
            hidden,
            queries_passed: moment_if("queries_passed_us", queries_passed_us)?,
            feeds_passed: moment_if("feeds_passed_us", feeds_passed_us)?,
            exports_passed: moment_if("exports_passed_us", exports_passed_us)?,
        })
    }
}

fn bytes(bytes: &[u8]) -> Bytes {
    Bytes::copy_from_slice(bytes)
}

impl From<&AuditEvent> for v1::AuditEvent {
    fn from(event: &AuditEvent) -> Self {
        let AuditEvent {
            id: ActId(id),
            part,
            agent: Agent { facility, member, role },
            purpose,
            what,
            began,
            ended,
            outcome,
            shown,
            salt,
        } = event;
        Self {
            id: bytes(&id.to_be_bytes()),
            part: *part,
            facility: facility.as_str().to_owned(),
            member: member.as_ref().map(|member| member.as_str().to_owned()).unwrap_or_default(),
            role: role.number(),
            purpose: purpose.number(),
            began_us: Some(began.micros()),
            ended_us: Some(ended.micros()),
            outcome: outcome.number(),
            shown: shown
                .iter()
                .map(|(patient, counts)| v1::ShownRows { patient: Some(patient.into()), rows: counts_out(counts) })
                .collect(),
            salt: bytes(salt.as_bytes()),
            what: Some(what.into()),
        }
    }
}

fn statement_out(statement: &Digest, seen: &Frontier) -> v1::AuditedStatement {
    v1::AuditedStatement { statement: bytes(statement.as_bytes()), seen: Some(seen.into()) }
}

impl From<&What> for v1::audit_event::What {
    fn from(what: &What) -> Self {
        match what {
            What::Query { statement, seen } => Self::Query(statement_out(statement, seen)),
            What::Export { statement, seen } => Self::Export(statement_out(statement, seen)),
            What::MachinePull { statement, seen } => Self::MachinePull(statement_out(statement, seen)),
            What::BreakGlass { reason, seen } => Self::BreakGlass(statement_out(reason, seen)),
            What::Acknowledgement { notice } => {
                Self::Acknowledgement(v1::AuditedAcknowledgement { notice: notice.to_string() })
            }
            What::Delivery { notice } => Self::Delivery(v1::AuditedAcknowledgement { notice: notice.to_string() }),
            What::Action { notice, action, remark } => Self::Action(v1::AuditedAction {
                notice: notice.to_string(),
                action: action.number(),
                remark: remark.as_str().to_owned(),
            }),
            What::Worklist { entry, act, remark } => Self::Worklist(v1::AuditedWorklist {
                cohort: entry.cohort.as_str().to_owned(),
                patient: Some((&entry.patient).into()),
                act: act.number(),
                remark: remark.as_str().to_owned(),
            }),
            What::Bed { bed: BedPlace { patient, session }, deed } => Self::Bed(v1::AuditedBed {
                patient: Some(patient.into()),
                session: session.clone(),
                deed: Some(deed_out(deed)),
            }),
            What::Feed { statement, since, seen, seconds } => Self::Feed(v1::AuditedFeed {
                statement: bytes(statement.as_bytes()),
                since: Some(since.into()),
                seen: Some(seen.into()),
                seconds: *seconds,
            }),
            What::Disclosure { since, seen } => {
                Self::Disclosure(v1::AuditedDisclosure { since: Some(since.into()), seen: Some(seen.into()) })
            }
            What::Receipt(receipt) => Self::Receipt(receipt.as_ref().into()),
        }
    }
}

fn deed_out(deed: &BedDeed) -> v1::audited_bed::Deed {
    use v1::audited_bed::Deed;
    match deed {
        BedDeed::Acknowledged { alarm } => Deed::Acknowledged(v1::AuditedBedAlarm { alarm: alarm.to_string() }),
        BedDeed::Noted { at, text, replaces } => Deed::Noted(v1::AuditedBedNote {
            at_us: Some(at.micros()),
            text: text.as_str().to_owned(),
            replaces: replaces.map(|ActId(note)| bytes(&note.to_be_bytes())).unwrap_or_default(),
        }),
        BedDeed::NoteTaken { note: ActId(note) } => Deed::NoteTaken(bytes(&note.to_be_bytes())),
        BedDeed::HandedOver(handover) => Deed::HandedOver(handover.into()),
    }
}

impl From<&BedHandover> for v1::BedHandover {
    fn from(handover: &BedHandover) -> Self {
        let BedHandover { referral, to, step, watchers } = handover;
        let watcher =
            |BedWatcher { agent: Agent { facility, member, role }, since, until }: &BedWatcher| v1::BedWatcher {
                facility: facility.as_str().to_owned(),
                member: member.as_ref().map(|member| member.as_str().to_owned()).unwrap_or_default(),
                role: role.number(),
                since_us: Some(since.micros()),
                until_us: until.map(Moment::micros),
            };
        Self {
            referral: referral.as_str().to_owned(),
            to: to.as_str().to_owned(),
            step: step.number(),
            watchers: watchers.iter().map(watcher).collect(),
        }
    }
}

impl From<&Receipt> for v1::WithdrawalReceipt {
    fn from(receipt: &Receipt) -> Self {
        let Receipt { consent, patient, position, withdrawn_at, hidden, queries_passed, feeds_passed, exports_passed } =
            receipt;
        let hidden = hidden.iter().map(|(facility, counts)| v1::HiddenRows {
            facility: facility.as_str().to_owned(),
            rows: counts_out(counts),
        });
        Self {
            consent: consent.as_str().to_owned(),
            patient: Some(patient.into()),
            position: Some((*position).into()),
            withdrawn_us: Some(withdrawn_at.micros()),
            hidden: hidden.collect(),
            queries_passed_us: queries_passed.map(Moment::micros),
            feeds_passed_us: feeds_passed.map(Moment::micros),
            exports_passed_us: exports_passed.map(Moment::micros),
        }
    }
}
