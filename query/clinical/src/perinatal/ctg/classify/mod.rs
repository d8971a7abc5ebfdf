//! What the classifications make of a window: the JSOG's five levels, and FIGO and NICHD beside them.

mod figo;
mod jsog;
mod jsog_table;
mod nichd;
mod recurrence;

pub use figo::{FIGO, Figo, FigoCategory, FigoReason, figo};
pub use jsog::{Jsog, JsogReason, Level, Rating, Reserve, Verdict, Verified};
pub use jsog_table::{
    Cell, Confirmation, ConfirmationError, JSOG_MATRIX, JSOG_VERSION, JsogColumn, JsogRow, JsogTable,
};
pub use nichd::{NICHD, Nichd, NichdCategory, NichdReason, nichd};

#[cfg(test)]
mod tests;
