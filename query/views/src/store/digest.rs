//! A digest of everything that stands, to prove that a rebuilt store is the same.

use super::{Snapshot, Store};
use crate::StoreError;
use crate::cold::merge::Merge;
use crate::hot::Chunk;
use crate::table::table_name;
use arrow::row::{RowConverter, SortField};
use model::Category;
use std::fmt;

/// A digest over all rows that stand, in any order and wherever they lie. Not a cryptographic commitment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ContentDigest {
    /// How many rows stand.
    pub rows: u64,
    /// The sum of their hashes.
    sum: u128,
}

impl fmt::Display for ContentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}/{}", self.sum, self.rows)
    }
}

impl Store {
    /// The digest of everything published. Reads every row.
    ///
    /// # Errors
    /// When a table file cannot be read.
    pub async fn content_digest(&self) -> Result<ContentDigest, StoreError> {
        let snapshot = self.snapshot();
        super::commit::blocking(move || digest(&snapshot)).await
    }
}

fn digest(snapshot: &Snapshot) -> Result<ContentDigest, StoreError> {
    let mut digest = ContentDigest { rows: 0, sum: 0 };
    for category in Category::ALL.iter().copied() {
        for chunk in snapshot.hot_of(category) {
            digest.add(snapshot, category, chunk)?;
        }
        for file in snapshot.cold.of(category) {
            for chunks in Merge::of(std::slice::from_ref(file))? {
                for chunk in chunks? {
                    digest.add(snapshot, category, &chunk)?;
                }
            }
        }
    }
    Ok(digest)
}

impl ContentDigest {
    fn add(&mut self, snapshot: &Snapshot, category: Category, chunk: &Chunk) -> Result<(), StoreError> {
        let batch = &chunk.batch;
        let failed = |source| StoreError::Arrow { table: table_name(category), source };
        let fields = batch.schema().fields().iter().map(|field| SortField::new(field.data_type().clone())).collect();
        let rows = RowConverter::new(fields).and_then(|converter| converter.convert_columns(batch.columns()));
        for (row, key) in rows.map_err(failed)?.iter().zip(&chunk.keys) {
            if !snapshot.dead.contains(*key) {
                // The category is part of the hash: tables with like columns must not stand in for each other.
                let hash = xxhash_rust::xxh3::xxh3_128_with_seed(row.as_ref(), category as u64);
                self.sum = self.sum.wrapping_add(hash);
                self.rows += 1;
            }
        }
        Ok(())
    }
}
