//! How much a definition may be and may do. Far above what views in use need, far below what hurts.

/// Bytes of a ViewDefinition.
pub const DEFINITION_BYTES: usize = 64 * 1024;
/// Bytes of one expression.
pub const EXPRESSION_BYTES: usize = 8 * 1024;
/// How deep an expression may be nested; chains of operators count, chains of `.` do not.
pub const EXPRESSION_DEPTH: usize = 64;
/// How deep `select` and `unionAll` may be nested.
pub const SELECT_DEPTH: usize = 16;
/// Columns of a view.
pub const COLUMNS: usize = 256;
/// Rows that one resource may make.
pub const ROWS: usize = 10_000;
/// How deep `repeat` may go into a resource; serde_json reads none that is deeper.
pub const REPEAT_DEPTH: usize = 128;
/// Bytes of a text that an expression makes.
pub const TEXT_BYTES: usize = 1024 * 1024;
/// Steps of evaluation that one resource may cost: an expression evaluated, an item made, 64 bytes of text made.
pub const STEPS: usize = 1_000_000;
