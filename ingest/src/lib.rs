//! The door: gRPC services, adapters, admission.
