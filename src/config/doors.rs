//! `[[mllp]]` and `[[storage]]`: the ways in that a hospital's own systems know.

use super::settings::{MIB, Settings};
use super::{Rule, Tls};
use ingest::hl7::{Charset, DeviceChannel};
use jiff::tz::TimeZone;
use model::FacilityId;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The ways in beside gRPC, as a node and an edge have them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ways {
    /// `[[mllp]]`
    pub mllp: Vec<Mllp>,
    /// `[[storage]]`
    pub storages: Vec<Storage>,
    /// `[[fhir]]`
    pub fhir_of: Vec<FhirOf>,
    /// `listen.fhir`
    pub fhir: Option<SocketAddr>,
    /// The largest body of a `POST /fhir`, in bytes.
    pub fhir_bytes: usize,
    /// After how long without a `POST /fhir` the feed is silent; `None`: never, as at a node, which takes it from everybody.
    pub fhir_silent: Option<Duration>,
    /// `[tls]`
    pub tls: Option<Tls>,
    /// Where what is known of the feeds lies.
    pub data_dir: PathBuf,
}

/// A listener for HL7 v2 over MLLP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mllp {
    /// Where it listens.
    pub address: SocketAddr,
    /// Who sends here. With TLS the client certificate says which of them; without it there is one.
    pub facilities: Vec<FacilityId>,
    /// Whether TLS and a client certificate are asked for.
    pub tls: bool,
    /// How messages are read that do not say.
    pub text: Text,
    /// Names that may stand in `MSH-4`; empty takes any.
    pub sending_facilities: Vec<String>,
    /// Assigning authorities of the facility's own numbers in `PID-3`.
    pub assigning_authorities: Vec<String>,
    /// Which channel of a bed a device's code is.
    pub device_channels: Vec<DeviceChannel>,
    /// Whether messages for training and debugging are taken too.
    pub take_tests: bool,
    /// The largest message, in bytes.
    pub largest: usize,
    /// After so long without a byte a connection is closed.
    pub idle: Duration,
    /// After so long without a frame a bed that was opened by frames alone is closed.
    pub bed_silent: Duration,
    /// Connections at a time.
    pub most_connections: usize,
    /// After how long without a message the feed is silent; `None`: never.
    pub silent: Option<Duration>,
}

/// An SS-MIX2 storage that is loaded and followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storage {
    /// A short name that stays.
    pub name: String,
    /// Its root.
    pub path: PathBuf,
    /// Whose it is.
    pub facility: FacilityId,
    /// Whether the path is believed when the message is about another patient; else the file is refused.
    pub path_is_right: bool,
    /// How messages are read that do not say.
    pub text: Text,
    /// Whether the system tells of changes.
    pub watch: bool,
    /// The transaction storage's root.
    pub transactions: Option<PathBuf>,
    /// How often the whole tree is swept.
    pub sweep_every: Duration,
    /// How long a file must have been left alone.
    pub settled: Duration,
    /// How often every file is read anew and compared with what was taken.
    pub survey_every: Duration,
    /// How many threads read.
    pub threads: usize,
    /// The largest file, in bytes.
    pub largest: usize,
    /// After how long without a look at it the feed is silent; `None`: never.
    pub silent: Option<Duration>,
}

/// How one facility's FHIR is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FhirOf {
    /// Whose it is.
    pub facility: FacilityId,
    /// Its own medical institution numbers; none: they are not compared.
    pub institutions: BTreeSet<String>,
    /// The system of its own patient numbers; `None`: the standard ones.
    pub patient_number_system: Option<String>,
}

/// What a message's text does not say of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The character set of messages that name none; `None`: by their bytes.
    pub charset: Option<Charset>,
    /// The zone of times without an offset.
    pub zone: TimeZone,
}

impl Settings {
    /// One entry of `[[mllp]]`, the `entry`th.
    pub(super) fn mllp(&self, entry: usize) -> Option<Mllp> {
        // All is read before anything is missed, so that all faults are told at once.
        let address = self.required("mllp.address", entry, self.address("mllp.address"));
        let facilities = self.facilities("mllp.facilities");
        let facilities = self.required("mllp.facilities", entry, (!facilities.is_empty()).then_some(facilities));
        let text = self.reading(["mllp.charset", "mllp.zone"]);
        let device_channels = self.device_channels("mllp.device_channels");
        let rest = |address, facilities, text| Mllp {
            address,
            facilities,
            text,
            tls: self.switch("mllp.tls"),
            sending_facilities: self.texts("mllp.sending_facilities"),
            assigning_authorities: self.texts("mllp.assigning_authorities"),
            device_channels,
            take_tests: self.switch("mllp.take_tests"),
            largest: self.mebibytes("mllp.largest_mib"),
            idle: self.seconds("mllp.idle_seconds"),
            bed_silent: Duration::from_secs(60 * self.integer("mllp.bed_silent_minutes")),
            most_connections: self.size("mllp.most_connections"),
            silent: self.silence("mllp.silent_seconds"),
        };
        Some(rest(address?, facilities?, text?))
    }

    fn device_channels(&self, key: &'static str) -> Vec<DeviceChannel> {
        let read = |text: String| match text.parse() {
            Ok(channel) => Some(channel),
            Err(error) => {
                self.bad_item(key, &text, format!("{error}"));
                None
            }
        };
        self.texts(key).into_iter().filter_map(read).collect()
    }

    /// One entry of `[[storage]]`, the `entry`th.
    pub(super) fn storage(&self, entry: usize) -> Option<Storage> {
        let name = self.required("storage.name", entry, self.text("storage.name"));
        let name = name.filter(|name| self.is_plain("storage.name", name));
        let path = self.required("storage.path", entry, self.path("storage.path"));
        let facility = self.required("storage.facility", entry, self.text("storage.facility"));
        let facility = facility.and_then(|id| self.facility("storage.facility", &id));
        let text = self.reading(["storage.charset", "storage.zone"]);
        let rest = |name, path, facility, text| Storage {
            name,
            path,
            facility,
            text,
            path_is_right: self.text("storage.other_patient").as_deref() == Some("take-path"),
            watch: self.switch("storage.watch"),
            transactions: self.path("storage.transactions"),
            sweep_every: self.seconds("storage.sweep_seconds"),
            settled: self.seconds("storage.settled_seconds"),
            survey_every: Duration::from_secs(60 * self.integer("storage.survey_minutes")),
            threads: self.size("storage.threads"),
            largest: self.mebibytes("storage.largest_mib"),
            silent: self.silence("storage.silent_seconds"),
        };
        Some(rest(name?, path?, facility?, text?))
    }

    /// One entry of `[[fhir]]`, the `entry`th.
    pub(super) fn fhir_of(&self, entry: usize) -> Option<FhirOf> {
        let facility = self.required("fhir.facility", entry, self.text("fhir.facility"));
        let facility = facility.and_then(|id| self.facility("fhir.facility", &id));
        let institutions = self.texts("fhir.institutions");
        for number in
            institutions.iter().filter(|number| number.len() != 10 || !number.bytes().all(|b| b.is_ascii_digit()))
        {
            self.bad_item("fhir.institutions", number, "a medical institution number has ten digits".to_owned());
        }
        let patient_number_system = self.text("fhir.patient_number_system");
        Some(FhirOf { facility: facility?, institutions: institutions.into_iter().collect(), patient_number_system })
    }

    fn required<T>(&self, key: &'static str, entry: usize, given: Option<T>) -> Option<T> {
        given.or_else(|| self.broken(key, Rule::Required { entry }))
    }

    /// Whether a name has letters, digits, `-` and `_` only.
    pub(super) fn is_plain(&self, key: &'static str, name: &str) -> bool {
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        if !plain {
            self.bad_item(key, name, "only letters, digits, - and _ stand in it".to_owned());
        }
        plain
    }

    fn mebibytes(&self, key: &'static str) -> usize {
        usize::try_from(self.integer(key) * MIB).unwrap_or(usize::MAX)
    }

    pub(super) fn facility(&self, key: &'static str, id: &str) -> Option<FacilityId> {
        FacilityId::parse(id).map_err(|error| self.bad_item(key, id, error.to_string())).ok()
    }

    /// The facilities that can be read; the others are faults.
    fn facilities(&self, key: &'static str) -> Vec<FacilityId> {
        self.texts(key).iter().filter_map(|id| self.facility(key, id)).collect()
    }

    fn reading(&self, [charset, zone]: [&'static str; 2]) -> Option<Text> {
        let charset = self.text(charset).and_then(|name| Charset::from_name(&name));
        let name = self.text(zone).unwrap_or_default();
        match jiff::fmt::temporal::DateTimeParser::new().parse_time_zone(&name) {
            Ok(zone) => Some(Text { charset, zone }),
            Err(error) => {
                self.bad_item(zone, &name, error.to_string());
                None
            }
        }
    }
}
