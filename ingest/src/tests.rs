mod admission;
mod authority;
mod feeds;
pub(crate) mod fixture;
mod grpc;
mod mllp;
mod quarantine;
mod redelivery;
mod storages;
