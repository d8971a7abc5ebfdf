mod admission;
mod authority;
mod feeds;
mod fixture;
mod grpc;
mod quarantine;
mod redelivery;
mod storages;
