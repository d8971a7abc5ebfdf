//! `MeasureService`: a facility publishes what it counts by a measure of care.

use super::cohorts::{CohortDesk, clinical, failed, invalid};
use crate::pipeline::Clock;
use crate::register::{NotTaken, RegisterError};
use clinical::diabetes::day_of;
use clinical::diabetes::quality::{Decision, Figures, Held, MeasureYear, QualityMeasure, Suppressed};
use ingest::Admission;
use model::{Body, DefinitionName, DirectoryChange, MeasureRelease, PatientNumber, PatientRef, Principal, Role};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tonic::{Request, Response, Status};
use wire::v1;
use wire::v1::measure_service_server::{MeasureService, MeasureServiceServer};

/// How long a publication waits to be shown before it is answered all the same: it is durable.
const SHOWN_WITHIN: Duration = Duration::from_secs(5);

/// Answers `MeasureService`.
pub(super) struct MeasureDesk {
    cohorts: CohortDesk,
    admission: Arc<Admission>,
    clock: Clock,
    /// One publication at a time: each is decided on by those before it.
    turn: Mutex<()>,
}

/// The service over the views, the register and the door.
pub(super) fn service(
    cohorts: CohortDesk,
    admission: Arc<Admission>,
    clock: Clock,
) -> MeasureServiceServer<MeasureDesk> {
    MeasureServiceServer::new(MeasureDesk { cohorts, admission, clock, turn: Mutex::default() })
}

impl std::fmt::Debug for MeasureDesk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MeasureDesk").finish_non_exhaustive()
    }
}

fn disk(error: &RegisterError) -> Status {
    tracing::error!(%error, "published figures could not be read");
    Status::unavailable("published figures cannot be read just now; try again")
}

fn not_taken(why: &NotTaken) -> Status {
    match why {
        NotTaken::Unknown => invalid("measure", why),
        NotTaken::Least => invalid("least", why),
        NotTaken::Full => Status::resource_exhausted(why.to_string()),
        NotTaken::Beside { .. } | NotTaken::Unsafe => Status::failed_precondition(why.to_string()),
        NotTaken::Kept(error) => {
            tracing::error!(%error, "a published series cannot be gone on with");
            Status::failed_precondition(
                "what was published before cannot be read whole: nothing more may be published on it",
            )
        }
    }
}

fn told(figures: Figures) -> v1::MeasureFigures {
    let Figures { of, denominator, numerator } = figures;
    let numerator = numerator.map(|numerator| numerator as u64);
    v1::MeasureFigures { of: of.to_string(), denominator: denominator as u64, numerator }
}

impl MeasureDesk {
    /// Takes out whom another facility counts already: of several that count a person the first that published keeps them, so that
    /// no two figures of a benchmark speak of the same person.
    fn apart(
        &self,
        caller: &Principal,
        of: (&DefinitionName, i16),
        counted: &mut BTreeMap<PatientNumber, bool>,
    ) -> Result<u64, Status> {
        let rooms = self.cohorts.node.rooms();
        let elsewhere = rooms.register.counted_elsewhere(&caller.facility, of).map_err(|error| disk(&error))?;
        let book = rooms.book.read();
        let own = elsewhere.iter().filter_map(|patient| book.find_patient(patient)).flat_map(|patient| {
            let person = book.person_of(patient).filter_map(|one| book.patient_ref(one));
            person.filter(|one| *one.facility() == caller.facility).map(PatientRef::number)
        });
        Ok(own.filter(|number| counted.remove(*number).is_some()).count() as u64)
    }

    /// Waits until what was stated is shown.
    async fn shown(&self, release: &MeasureRelease, before: usize) {
        let deadline = tokio::time::Instant::now() + SHOWN_WITHIN;
        let register = &self.cohorts.node.rooms().register;
        while register.benchmark().of(&release.facility, &release.measure, release.year).len() <= before {
            if tokio::time::Instant::now() > deadline {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tonic::async_trait]
impl MeasureService for MeasureDesk {
    async fn publish_measure(
        &self,
        request: Request<v1::PublishMeasureRequest>,
    ) -> Result<Response<v1::PublishMeasureResponse>, Status> {
        let caller = clinical(&request)?;
        if !matches!(caller.role, Role::System | Role::Physician) {
            return Err(Status::permission_denied(
                "a facility's figures are published by its physicians or its system",
            ));
        }
        let (metadata, _, request) = request.into_parts();
        let v1::PublishMeasureRequest { measure, year, least, try_only } = request;
        let unknown = || invalid("measure", &"there is no measure of that name; `diabetes_measures` lists them");
        let known = QualityMeasure::by_key(&measure).ok_or_else(unknown)?;
        let measure = DefinitionName::parse(&measure).map_err(|error| invalid("measure", &error))?;
        let in_year = i16::try_from(year).ok().and_then(|year| MeasureYear::new(year).ok());
        let in_year = in_year.ok_or_else(|| invalid("year", &"is a year from 1801 to 2299"))?;
        let of = (&measure, in_year.year());

        let _turn = self.turn.lock().await;
        let register = Arc::clone(&self.cohorts.node.rooms().register);
        let series = register.measure_series(&caller.facility, of, least).map_err(|error| disk(&error))?;
        let (least, mut series) = series.map_err(|why| not_taken(&why))?;
        let counting = self.cohorts.cohorts.count(&caller, known, in_year).await;
        let (mut counted, mut elsewhere) = counting.map_err(|error| failed(&error))?;
        elsewhere += self.apart(&caller, of, &mut counted)?;
        if counted.len() > MeasureRelease::MOST {
            return Err(Status::failed_precondition(format!("more than {} persons are counted", MeasureRelease::MOST)));
        }
        let (day, offered, before) = (day_of((self.clock)()), counted.clone(), series.published().count());
        let decision = tokio::task::spawn_blocking(move || series.offer(day, offered)).await;
        let decision = decision.map_err(|_| Status::internal("the figures could not be decided on"))?;
        let answer = |outcome: &str, reason: &str, figures: Option<Figures>| v1::PublishMeasureResponse {
            outcome: outcome.to_owned(),
            reason: reason.to_owned(),
            figures: figures.map(told),
            at_least: None,
            elsewhere,
        };
        let figures = match decision {
            Decision::Publish(figures) => figures,
            Decision::Hold(figures, why) => {
                let why = match why {
                    Held::Unchanged => "unchanged",
                    Held::TooFew => "too-few",
                    Held::Differencing => "differencing",
                };
                return Ok(Response::new(answer("held", why, Some(figures))));
            }
            Decision::Suppress(why) => {
                let why = match why {
                    Suppressed::TooFew => "too-few",
                    Suppressed::Differencing => "differencing",
                };
                return Ok(Response::new(answer("suppressed", why, None)));
            }
        };
        let mut response = answer("published", "", Some(figures));
        if try_only {
            return Ok(Response::new(response));
        }
        let release = MeasureRelease {
            facility: caller.facility.clone(),
            measure,
            year: in_year.year(),
            of: day,
            least,
            counted,
        };
        let body = Body::Directory(DirectoryChange::Measure(release.clone()));
        let stated = ingest::service::state(&self.admission, &caller, body, "", &metadata).await?;
        response.at_least = stated.at_least;
        self.shown(&release, before).await;
        Ok(Response::new(response))
    }
}
