//! The windows from outside: over the real record store, book and feeds of a small region.
//! One binary, because each test binary links the whole engine.

#[cfg(test)]
mod api;
#[cfg(test)]
mod beds;
#[cfg(test)]
mod booklet;
#[cfg(test)]
mod feed;
#[cfg(test)]
mod lines;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod office;
#[cfg(test)]
mod page;
#[cfg(test)]
mod pregnancies;
#[cfg(test)]
mod region;
#[cfg(test)]
mod tables;
