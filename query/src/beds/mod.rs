//! The beds of a view: cardiotocograms as they come, how honest each trace is, and what the analysis says of them.
//!
//! Everything but `watch`, `before`, `presence`, `reading` and the question of `past` is a function of what came and when: it reads no
//! clock and does no I/O. What comes is the feed of one principal's own view and rows of that principal's own tables; there is no other
//! way to a sample, nor to what is known of who lies on a bed.

mod alarm;
mod analysed;
mod bed;
mod before;
mod chart;
mod clock;
mod course;
mod lead;
mod mother;
mod past;
mod presence;
mod reading;
mod rules;
mod stretch;
mod strip;
mod tables;
mod told;
mod ward;
mod watch;
mod way;

pub use alarm::{Risen, WARNED, WARNED_AGAIN};
pub use bed::{Bed, Came, Cursor, LineNow, News};
pub use chart::{Chart, Charts, Known, NoCharts, Note};
pub use clock::SourceClock;
pub use course::{Course, Judged};
pub use lead::Lead;
pub use past::{NoPast, Past};
pub use presence::{Looker, Looking, Presence, PresenceTold};
pub use rules::Rules;
pub use stretch::{BedId, Place, Session, Stretch};
pub use strip::{KEPT, SLOT, Slot, Strip};
pub use tables::bed_table_columns;
pub(crate) use tables::{schemas, table};
pub use told::{EventTold, LevelTold, LineTold, ReadBy, ReasonTold, WindowTold, Word, line, read_by, window};
pub use ward::{BedEnd, Ended, Names, Stands, Ward};
pub use watch::{Boards, Watch, moment};
pub use way::{Hop, Leg};

pub use model::{FacilityId, MemberId, Moment};
