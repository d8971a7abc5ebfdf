//! The reading room from outside: over its protocols, within its limits, and what does not exist in it.
//! One binary, because each test binary links the whole engine.

#[cfg(test)]
mod cohorts;
#[cfg(test)]
mod flight;
#[cfg(test)]
mod grpc;
#[cfg(test)]
mod house;
#[cfg(test)]
mod interference;
#[cfg(test)]
mod laboratory;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod perinatal;
#[cfg(test)]
mod permissions;
#[cfg(test)]
mod persons;
#[cfg(test)]
mod pg;
#[cfg(test)]
mod pg_client;
#[cfg(test)]
mod region;
#[cfg(test)]
mod sensors;
#[cfg(test)]
mod shelf;
#[cfg(test)]
mod sql;
#[cfg(test)]
mod standard;
#[cfg(test)]
mod twin;
#[cfg(test)]
mod watched;
