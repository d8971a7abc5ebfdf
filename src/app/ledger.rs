//! `LedgerService`: who saw what, asked of a running node.

mod export;
mod glasses;

use super::node::Node;
use crate::notary::{NotaryError, Reader, RecallOf, Signed, names};
use crate::pipeline::Clock;
use futures::stream::BoxStream;
use ingest::ConsentReader as _;
use ledger::{Language, Recall, Recalled, Report, Subject, recall_text, receipt_text};
use model::{AuditOutcome, ConsentId, FacilityId, LinkId, PatientRef, Principal, RecordId, RecordRef, Role};
use std::collections::BTreeSet;
use std::sync::Arc;
use tonic::{Request, Response, Status};
use views::{Asked, Witness};
use wire::v1;
use wire::v1::ledger_service_server::{LedgerService, LedgerServiceServer};

/// What the answers are taken from. Cheap to clone.
#[derive(Clone)]
pub(super) struct LedgerDesk {
    pub(super) node: Arc<Node>,
    pub(super) reader: Reader,
    pub(super) witness: Arc<dyn Witness>,
    pub(super) clock: Clock,
    /// The node's name, for the identifiers of AuditEvents.
    pub(super) name: String,
}

/// The service over the ledger.
pub(super) fn service(desk: LedgerDesk) -> LedgerServiceServer<LedgerDesk> {
    LedgerServiceServer::new(desk)
}

impl std::fmt::Debug for LedgerDesk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LedgerDesk").field("reader", &self.reader).finish_non_exhaustive()
    }
}

pub(super) fn caller<T>(request: &Request<T>) -> Result<Principal, Status> {
    let unknown = || Status::unauthenticated("who asks is not known");
    request.extensions().get::<Principal>().cloned().ok_or_else(unknown)
}

pub(super) fn invalid(field: &'static str) -> impl Fn(&dyn std::fmt::Display) -> Status {
    move |rule| Status::invalid_argument(format!("`{field}`: {rule}"))
}

/// The one answer to whoever has no part in something, whether or not it exists.
fn nothing_here() -> Status {
    Status::not_found("the ledger holds no such thing of the caller's facility")
}

pub(super) fn failed(error: &NotaryError) -> Status {
    tracing::error!(%error, "the ledger could not be read for an answer");
    Status::unavailable("the ledger cannot be read just now; try again, or look into the node's log")
}

/// Whether the caller speaks for this facility about its patients: its people and systems, but not a patient who signs
/// in there.
fn speaks_for(caller: &Principal, source: &FacilityId) -> bool {
    caller.facility == *source && caller.role != Role::Patient
}

/// The languages of an answer.
fn languages(said: i32) -> Result<&'static [Language], Status> {
    match v1::Language::try_from(said) {
        Ok(v1::Language::Unspecified) => Ok(&[Language::Japanese, Language::English]),
        Ok(v1::Language::Japanese) => Ok(&[Language::Japanese]),
        Ok(v1::Language::English) => Ok(&[Language::English]),
        Err(error) => Err(invalid("language")(&error)),
    }
}

fn texts(languages: &[Language], text: impl Fn(Language) -> String) -> String {
    languages.iter().map(|language| text(*language)).collect::<Vec<_>>().join("\n")
}

impl LedgerDesk {
    fn operator<T>(&self, request: &Request<T>) -> Result<Principal, Status> {
        let caller = caller(request)?;
        if self.node.is_operator(&caller) {
            Ok(caller)
        } else {
            Err(Status::permission_denied("only an operator of the node (`identity.operators`) may ask for the whole"))
        }
    }
    /// Writes into the ledger that it is read, before it is: no answer is without its entry. As with every statement the
    /// digest is of what was asked without what it names, or patient numbers could be guessed from it.
    pub(super) async fn recorded(&self, caller: &Principal, asked: &str) -> Result<(), Status> {
        let seen = self.node.rooms().store.frontier();
        let reading = self.witness.begin(caller, Asked::Statement(asked), &seen, (self.clock)());
        let written = self.witness.end(reading, AuditOutcome::Completed).await;
        written.map_err(|error| Status::unavailable(format!("the ledger could not be written: {error}")))
    }
    pub(super) async fn head(&self) -> Result<Signed, Status> {
        self.reader.head((self.clock)()).await.map_err(|error| failed(&error))
    }
    fn key(&self) -> String {
        self.reader.verifying().to_string()
    }

    /// Whose receipts are asked for, if the caller may be told of them.
    fn receipts_of(
        &self,
        caller: &Principal,
        of: Option<v1::receipts_request::Of>,
    ) -> Result<(PatientRef, Option<ConsentId>), Status> {
        use v1::receipts_request::Of;
        let (patient, consent) = match of {
            None => return Err(invalid("of")(&wire::Rule::Required)),
            Some(Of::Patient(patient)) => {
                (PatientRef::try_from(patient).map_err(|error| invalid("patient")(&error))?, None)
            }
            Some(Of::Consent(id)) => {
                let id = ConsentId::parse(&id).map_err(|error| invalid("consent")(&error))?;
                let known = self.node.rooms().register.consent(&id).ok_or_else(nothing_here)?;
                (known.consent.patient, Some(id))
            }
        };
        if speaks_for(caller, patient.facility()) { Ok((patient, consent)) } else { Err(nothing_here()) }
    }
    /// What is to be recalled, if the caller may be told of it.
    fn recall_of(&self, caller: &Principal, request: v1::RecallRequest) -> Result<RecallOf, Status> {
        use v1::recall_request::Of;
        let v1::RecallRequest { of, language: _, source } = request;
        match of {
            None => Err(invalid("of")(&wire::Rule::Required)),
            Some(Of::Consent(id)) => {
                let id = ConsentId::parse(&id).map_err(|error| invalid("consent")(&error))?;
                let known = self.node.rooms().register.consent(&id).ok_or_else(nothing_here)?;
                let patient = known.consent.patient;
                if !speaks_for(caller, patient.facility()) {
                    return Err(nothing_here());
                }
                Ok(RecallOf::Consent(id, Some(patient)))
            }
            Some(Of::Record(id)) => {
                let id = RecordId::parse(&id).map_err(|error| invalid("record")(&error))?;
                let source = match source.as_str() {
                    "" => caller.facility.clone(),
                    text => FacilityId::parse(text).map_err(|error| invalid("source")(&error))?,
                };
                if !speaks_for(caller, &source) {
                    return Err(nothing_here());
                }
                Ok(RecallOf::Record(RecordRef { source, id }))
            }
            // Whose patients it joined is known once it is found.
            Some(Of::Link(id)) => Ok(RecallOf::Link(LinkId::parse(&id).map_err(|error| invalid("link")(&error))?)),
        }
    }
    /// Who saw what these recalls ask for, in the order of the ledger.
    async fn recalled(&self, recalls: &[Recall]) -> Result<Vec<Recalled>, NotaryError> {
        let head = self.reader.head((self.clock)()).await?.head;
        let mut indices = BTreeSet::new();
        for recall in recalls {
            indices.extend(self.reader.of(Subject::Patient(&recall.patient), &head)?);
        }
        let entries = self.reader.entries(indices).await?;
        let found = entries.iter().flat_map(|(index, entry)| {
            recalls.iter().filter_map(|recall| recall.of(*index, entry)).collect::<Vec<_>>()
        });
        Ok(found.collect())
    }
}

#[tonic::async_trait]
impl LedgerService for LedgerDesk {
    type ExportStream = BoxStream<'static, Result<v1::ExportItem, Status>>;

    async fn head(&self, request: Request<v1::HeadRequest>) -> Result<Response<v1::HeadResponse>, Status> {
        self.operator(&request)?;
        let Signed { head, note } = Self::head(self).await?;
        Ok(Response::new(v1::HeadResponse { note, verifying_key: self.key(), size: head.size }))
    }

    async fn consistency(
        &self,
        request: Request<v1::ConsistencyRequest>,
    ) -> Result<Response<v1::ConsistencyResponse>, Status> {
        self.operator(&request)?;
        let v1::ConsistencyRequest { from, to } = request.into_inner();
        let none = || Status::out_of_range("the ledger has no such sizes: ask for its head first");
        let proof = self.reader.consistency(from, to).ok_or_else(none)?;
        Ok(Response::new(v1::ConsistencyResponse { proof: proof.as_bytes().to_vec().into() }))
    }

    async fn report(&self, request: Request<v1::ReportRequest>) -> Result<Response<v1::ReportResponse>, Status> {
        let caller = caller(&request)?;
        let v1::ReportRequest { patient, language } = request.into_inner();
        let languages = languages(language)?;
        let patient = patient.ok_or_else(|| invalid("patient")(&wire::Rule::Required))?;
        let patient = PatientRef::try_from(patient).map_err(|error| invalid("patient")(&error))?;
        if !speaks_for(&caller, patient.facility()) {
            return Err(nothing_here());
        }
        self.recorded(&caller, "ledger report").await?;
        let signed = Self::head(self).await?;
        let report: Report = self.reader.report(&patient, &signed).await.map_err(|error| failed(&error))?;
        let json = self.reader.report_json(&report).map_err(|error| failed(&error))?;
        let names = names(&self.node.rooms().book.read());
        Ok(Response::new(v1::ReportResponse {
            text: texts(languages, |language| report.text(&signed.head, &names, language)),
            json,
            verifying_key: self.key(),
            lines: report.lines.len() as u64,
        }))
    }

    async fn receipts(&self, request: Request<v1::ReceiptsRequest>) -> Result<Response<v1::ReceiptsResponse>, Status> {
        let caller = caller(&request)?;
        let v1::ReceiptsRequest { of, language } = request.into_inner();
        let languages = languages(language)?;
        let (patient, consent) = self.receipts_of(&caller, of)?;
        self.recorded(&caller, "ledger receipts").await?;
        let head = Self::head(self).await?.head;
        let receipts = self.reader.receipts(&patient, &head).await.map_err(|error| failed(&error))?;
        let names = names(&self.node.rooms().book.read());
        let wanted = |receipt: &model::Receipt| consent.as_ref().is_none_or(|id| receipt.consent == *id);
        let mut told = Vec::new();
        for (index, receipt) in receipts.iter().filter(|(_, receipt)| wanted(receipt)) {
            told.push(v1::SignedReceipt {
                index: *index,
                consent: receipt.consent.as_str().to_owned(),
                note: self.reader.sign_receipt(receipt).map_err(|error| failed(&error))?,
                text: texts(languages, |language| receipt_text(receipt, &names, language)),
            });
        }
        Ok(Response::new(v1::ReceiptsResponse { receipts: told, verifying_key: self.key() }))
    }

    async fn recall(&self, request: Request<v1::RecallRequest>) -> Result<Response<v1::RecallResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let languages = languages(request.language)?;
        let of = self.recall_of(&caller, request)?;
        let mut recalls = of.recalls(self.reader.log()).await.map_err(|error| failed(&error))?;
        recalls.retain(|recall| speaks_for(&caller, recall.patient.facility()));
        let Some(cause) = recalls.first().map(|recall| recall.cause) else { return Err(nothing_here()) };
        self.recorded(&caller, "ledger recall").await?;
        let found = self.recalled(&recalls).await.map_err(|error| failed(&error))?;
        let names = names(&self.node.rooms().book.read());
        Ok(Response::new(v1::RecallResponse {
            text: texts(languages, |language| recall_text(cause, &found, &names, language)),
            acts: found.iter().map(act).collect(),
        }))
    }

    async fn readings(&self, request: Request<v1::ReadingsRequest>) -> Result<Response<v1::ReadingsResponse>, Status> {
        let caller = caller(&request)?;
        let v1::ReadingsRequest { glasses } = request.into_inner();
        self.read_under(&caller, glasses).await.map(Response::new)
    }

    async fn export(&self, request: Request<v1::ExportRequest>) -> Result<Response<Self::ExportStream>, Status> {
        let caller = caller(&request)?;
        let v1::ExportRequest { entries, audit_events } = request.into_inner();
        if !entries && audit_events.is_empty() {
            return Err(invalid("audit_events")(&"is required where `entries` are not asked for"));
        }
        let whole = self.node.is_operator(&caller);
        if entries && !whole || caller.role == Role::Patient {
            return Err(Status::permission_denied(
                "only an operator of the node (`identity.operators`) is given the entries themselves",
            ));
        }
        self.recorded(&caller, "ledger export").await?;
        let signed = Self::head(self).await?;
        let names = names(&self.node.rooms().book.read());
        let of = if whole { None } else { Some(caller.facility) };
        Ok(Response::new(export::stream(self.clone(), export::Export { signed, names, of, entries, audit_events })))
    }
}

fn act(recalled: &Recalled) -> v1::RecalledAct {
    let Recalled { index, agent, purpose, what: _, began, counts } = recalled;
    let rows =
        counts.iter().map(|(category, rows)| v1::CategoryRows { category: v1::Category::from(category).into(), rows });
    v1::RecalledAct {
        index: *index,
        facility: agent.facility.as_str().to_owned(),
        member: agent.member.as_ref().map(|member| member.as_str().to_owned()).unwrap_or_default(),
        role: v1::Role::from(agent.role).into(),
        purpose: v1::Purpose::from(*purpose).into(),
        began_us: began.micros(),
        rows: rows.collect(),
    }
}

#[cfg(test)]
mod tests;
