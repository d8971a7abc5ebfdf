mod admission;
mod authority;
mod fixture;
mod grpc;
mod quarantine;
mod redelivery;
