//! The conscience: pure, synchronous, total.
