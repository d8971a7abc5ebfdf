//! The door: gRPC services, adapters, admission.
pub mod fhir;
