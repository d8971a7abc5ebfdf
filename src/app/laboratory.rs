//! `LaboratoryService`: a facility's own tables, stated and read.

use super::node::Node;
use clinical::lab::{LabTableChange, Sites, Stated};
use event_log::ReadLimit;
use ingest::Admission;
use model::{Body, DirectoryChange, FacilityId, LabTable, LabTableKind, PartitionId, Position, Principal, Role};
use std::sync::Arc;
use std::time::Duration;
use tonic::{Request, Response, Status};
use wire::v1;
use wire::v1::laboratory_service_server::{LaboratoryService, LaboratoryServiceServer};

/// How long a statement waits to be read with before it is answered all the same: it is durable.
const READ_WITHIN: Duration = Duration::from_secs(2);

/// Answers `LaboratoryService`.
#[derive(Clone)]
pub(super) struct LaboratoryDesk {
    node: Arc<Node>,
    admission: Arc<Admission>,
}

/// The service over the register and the door.
pub(super) fn service(node: Arc<Node>, admission: Arc<Admission>) -> LaboratoryServiceServer<LaboratoryDesk> {
    LaboratoryServiceServer::new(LaboratoryDesk { node, admission })
}

impl std::fmt::Debug for LaboratoryDesk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LaboratoryDesk").finish_non_exhaustive()
    }
}

fn caller<T>(request: &Request<T>) -> Result<Principal, Status> {
    let unknown = || Status::unauthenticated("who asks is not known");
    request.extensions().get::<Principal>().cloned().ok_or_else(unknown)
}

fn invalid(field: &str, rule: &dyn std::fmt::Display) -> Status {
    Status::invalid_argument(format!("`{field}`: {rule}"))
}

fn never_stated() -> Status {
    Status::not_found("the facility has stated no such table; what is shipped holds")
}

fn row(cells: Option<Vec<String>>) -> Option<v1::LabTableRow> {
    Some(v1::LabTableRow { cells: cells.unwrap_or_default() })
}

impl LaboratoryDesk {
    fn sites(&self) -> Arc<Sites> {
        self.node.rooms().register.sites()
    }

    /// The version that a statement became, once results are read with it.
    async fn version_at(&self, facility: &FacilityId, kind: LabTableKind, position: Position) -> Option<u64> {
        let begun = tokio::time::Instant::now();
        loop {
            let sites = self.sites();
            let stated = sites.of(facility).stated(kind);
            let at = |version: &u64| {
                let place = stated.and_then(|stated| stated.place(*version));
                place.is_some_and(|(at, _)| at == position)
            };
            if let Some(version) = (1..=stated.map_or(0, Stated::version)).rev().find(at) {
                return Some(version);
            }
            if begun.elapsed() > READ_WITHIN {
                return None;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// A table as the letter at a place of the log stated it.
    async fn letter(&self, position: Position) -> Result<LabTable, Status> {
        let log = &self.node.rooms().log;
        let read = log.read(PartitionId::CONTROL, position.offset, ReadLimit::default(), Duration::ZERO).await;
        let letters = read.map_err(|_| Status::unavailable("the log cannot be read just now; try again"))?;
        let letter = letters.into_iter().find(|stored| stored.position == position);
        let event = letter.and_then(|stored| wire::read_event(stored.letter.payload).ok());
        match event.map(|event| event.body) {
            Some(Body::Directory(DirectoryChange::Laboratory(table))) => Ok(table),
            _ => Err(Status::not_found("the log no longer holds this version")),
        }
    }
}

#[tonic::async_trait]
impl LaboratoryService for LaboratoryDesk {
    async fn put_table(
        &self,
        request: Request<v1::PutLabTableRequest>,
    ) -> Result<Response<v1::PutLabTableResponse>, Status> {
        let caller = caller(&request)?;
        let (metadata, _, request) = request.into_parts();
        let v1::PutLabTableRequest { table, request_id, try_only } = request;
        let mut table = table.ok_or_else(|| invalid("table", &"is required"))?;
        if table.facility.is_empty() {
            caller.facility.as_str().clone_into(&mut table.facility);
        }
        let table = LabTable::try_from(table).map_err(|error| invalid("table", &error))?;
        let body = Body::Directory(DirectoryChange::Laboratory(table.clone()));
        ingest::service::rehearse(&self.admission, &caller, body.clone())?;
        let (version, changes) = self.sites().rehearse(&table).map_err(|error| invalid("table.rows", &error))?;
        let changes = changes
            .into_iter()
            .map(|LabTableChange { before, now }| v1::LabTableChange { before: row(before), now: row(now) });
        let mut response = v1::PutLabTableResponse { version, changes: changes.collect(), ..Default::default() };
        if try_only {
            return Ok(Response::new(response));
        }
        let stated = ingest::service::state(&self.admission, &caller, body, &request_id, &metadata).await?;
        if let Some(position) = stated.position {
            let version = self.version_at(table.facility(), table.kind(), position.into()).await;
            response.version = version.unwrap_or(response.version);
        }
        let v1::DirectoryResponse { position, at_least, duplicate } = stated;
        Ok(Response::new(v1::PutLabTableResponse { position, at_least, duplicate, ..response }))
    }

    async fn get_table(
        &self,
        request: Request<v1::GetLabTableRequest>,
    ) -> Result<Response<v1::GetLabTableResponse>, Status> {
        let caller = caller(&request)?;
        let v1::GetLabTableRequest { facility, kind, version } = request.into_inner();
        let facility = match facility.as_str() {
            "" => caller.facility.clone(),
            id => FacilityId::parse(id).map_err(|error| invalid("facility", &error))?,
        };
        let of_facility = caller.facility == facility && caller.role != Role::Patient;
        if !of_facility && !caller.is_administrator() {
            let rule = "`facility`: only the facility itself or an administrator may read its laboratory tables";
            return Err(Status::permission_denied(rule));
        }
        let kind = v1::LabTableKind::try_from(kind).map_err(|_| invalid("kind", &"is no known laboratory table"))?;
        let kind = LabTableKind::try_from(kind).map_err(|rule| invalid("kind", &rule))?;
        let sites = self.sites();
        let stated = sites.of(&facility).stated(kind).ok_or_else(never_stated)?;
        let versions = stated.version();
        let version = if version == 0 { versions } else { version };
        let missing = || Status::not_found(format!("there is no version {version}; the last is {versions}"));
        let (position, at) = stated.place(version).ok_or_else(missing)?;
        let table = if version == versions { stated.table().into() } else { (&self.letter(position).await?).into() };
        Ok(Response::new(v1::GetLabTableResponse {
            table: Some(table),
            version,
            position: Some(position.into()),
            stated_us: at.micros(),
            versions,
        }))
    }
}
