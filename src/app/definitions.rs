//! `DefinitionService`: what a facility defines for its own view, stated and read.

use super::node::Node;
use event_log::ReadLimit;
use ingest::Admission;
use model::{
    Body, Definition, DefinitionKind, DefinitionName, DirectoryChange, FacilityId, PartitionId, Position, Principal,
    Role,
};
use query::{Defined, Definitions};
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;
use tonic::{Request, Response, Status};
use wire::v1;
use wire::v1::definition_service_server::{DefinitionService, DefinitionServiceServer};

/// How long a statement waits to hold before it is answered all the same: it is durable.
const HOLDS_WITHIN: Duration = Duration::from_secs(2);

/// Answers `DefinitionService`.
#[derive(Clone)]
pub(super) struct DefinitionDesk {
    node: Arc<Node>,
    admission: Arc<Admission>,
}

/// The service over the register and the door.
pub(super) fn service(node: Arc<Node>, admission: Arc<Admission>) -> DefinitionServiceServer<DefinitionDesk> {
    DefinitionServiceServer::new(DefinitionDesk { node, admission })
}

impl std::fmt::Debug for DefinitionDesk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DefinitionDesk").finish_non_exhaustive()
    }
}

fn caller<T>(request: &Request<T>) -> Result<Principal, Status> {
    let unknown = || Status::unauthenticated("who asks is not known");
    request.extensions().get::<Principal>().cloned().ok_or_else(unknown)
}

/// Who asks, where they may read definitions.
fn reader<T>(request: &Request<T>) -> Result<Principal, Status> {
    let caller = caller(request)?;
    if caller.role == Role::Patient {
        return Err(Status::permission_denied("patients are not shown what a facility defines for its staff"));
    }
    Ok(caller)
}

fn invalid(field: &str, rule: &dyn Display) -> Status {
    Status::invalid_argument(format!("`{field}`: {rule}"))
}

fn kind_of(kind: i32) -> Result<DefinitionKind, Status> {
    let kind = v1::DefinitionKind::try_from(kind).map_err(|_| invalid("kind", &"is no known kind of definition"))?;
    DefinitionKind::try_from(kind).map_err(|rule| invalid("kind", &rule))
}

/// A definition that holds, in its newest version.
fn newest(defined: &Defined) -> v1::GetDefinitionResponse {
    let place = defined.place(defined.version());
    v1::GetDefinitionResponse {
        definition: Some(defined.definition().into()),
        version: defined.version(),
        position: place.map(|(position, _)| position.into()),
        stated_us: place.map_or(0, |(_, at)| at.micros()),
        versions: defined.version(),
    }
}

impl DefinitionDesk {
    fn definitions(&self) -> Arc<Definitions> {
        self.node.rooms().register.definitions()
    }

    /// The version that a statement became, once it holds.
    async fn version_at(&self, definition: &Definition, position: Position) -> Option<u64> {
        let begun = tokio::time::Instant::now();
        loop {
            let definitions = self.definitions();
            let defined = definitions.get(definition.facility(), definition.kind(), definition.name());
            let at = |version: &u64| {
                let place = defined.and_then(|defined| defined.place(*version));
                place.is_some_and(|(at, _)| at == position)
            };
            if let Some(version) = (1..=defined.map_or(0, Defined::version)).rev().find(at) {
                return Some(version);
            }
            if begun.elapsed() > HOLDS_WITHIN {
                return None;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// A definition as the letter at a place of the log stated it.
    async fn letter(&self, position: Position) -> Result<Definition, Status> {
        let log = &self.node.rooms().log;
        let read = log.read(PartitionId::CONTROL, position.offset, ReadLimit::default(), Duration::ZERO).await;
        let letters = read.map_err(|_| Status::unavailable("the log cannot be read just now; try again"))?;
        let letter = letters.into_iter().find(|stored| stored.position == position);
        let event = letter.and_then(|stored| wire::read_event(stored.letter.payload).ok());
        match event.map(|event| event.body) {
            Some(Body::Directory(DirectoryChange::Definition(definition))) => Ok(definition),
            _ => Err(Status::not_found("the log no longer holds this version")),
        }
    }

    fn standing<'a>(
        definitions: &'a Definitions,
        facility: &FacilityId,
        kind: DefinitionKind,
        name: &DefinitionName,
    ) -> Result<&'a Defined, Status> {
        let never = || Status::not_found(format!("the facility has defined no {kind} `{name}`"));
        definitions.get(facility, kind, name).ok_or_else(never)
    }
}

#[tonic::async_trait]
impl DefinitionService for DefinitionDesk {
    async fn put_definition(
        &self,
        request: Request<v1::PutDefinitionRequest>,
    ) -> Result<Response<v1::PutDefinitionResponse>, Status> {
        let caller = caller(&request)?;
        let (metadata, _, request) = request.into_parts();
        let v1::PutDefinitionRequest { definition, request_id, try_only } = request;
        let mut definition = definition.ok_or_else(|| invalid("definition", &"is required"))?;
        if definition.facility.is_empty() {
            caller.facility.as_str().clone_into(&mut definition.facility);
        }
        let definition = Definition::try_from(definition).map_err(|error| invalid("definition", &error))?;
        let body = Body::Directory(DirectoryChange::Definition(definition.clone()));
        ingest::service::rehearse(&self.admission, &caller, body.clone())?;
        let rehearsed = self.definitions().rehearse(&definition);
        let version = rehearsed.map_err(|error| invalid("definition.text", &error))?;
        let mut response = v1::PutDefinitionResponse { version, ..Default::default() };
        if try_only {
            return Ok(Response::new(response));
        }
        let stated = ingest::service::state(&self.admission, &caller, body, &request_id, &metadata).await?;
        if let Some(position) = stated.position {
            let version = self.version_at(&definition, position.into()).await;
            response.version = version.unwrap_or(response.version);
        }
        let v1::DirectoryResponse { position, at_least, duplicate } = stated;
        Ok(Response::new(v1::PutDefinitionResponse { position, at_least, duplicate, ..response }))
    }

    async fn get_definition(
        &self,
        request: Request<v1::GetDefinitionRequest>,
    ) -> Result<Response<v1::GetDefinitionResponse>, Status> {
        let caller = reader(&request)?;
        let v1::GetDefinitionRequest { kind, name, version } = request.into_inner();
        let (kind, name) = (kind_of(kind)?, DefinitionName::parse(&name).map_err(|error| invalid("name", &error))?);
        let definitions = self.definitions();
        let defined = Self::standing(&definitions, &caller.facility, kind, &name)?;
        let versions = defined.version();
        if version == 0 || version == versions {
            return Ok(Response::new(newest(defined)));
        }
        let missing = || Status::not_found(format!("there is no version {version}; the last is {versions}"));
        let (position, at) = defined.place(version).ok_or_else(missing)?;
        Ok(Response::new(v1::GetDefinitionResponse {
            definition: Some((&self.letter(position).await?).into()),
            version,
            position: Some(position.into()),
            stated_us: at.micros(),
            versions,
        }))
    }

    async fn list_definitions(
        &self,
        request: Request<v1::ListDefinitionsRequest>,
    ) -> Result<Response<v1::ListDefinitionsResponse>, Status> {
        let caller = reader(&request)?;
        let kind = request.into_inner().kind;
        let kinds = if kind == 0 { DefinitionKind::ALL.to_vec() } else { vec![kind_of(kind)?] };
        let definitions = self.definitions();
        let of_kind = |kind| definitions.of(&caller.facility, kind).map(newest);
        let definitions = kinds.into_iter().flat_map(of_kind).collect();
        Ok(Response::new(v1::ListDefinitionsResponse { definitions }))
    }
}
