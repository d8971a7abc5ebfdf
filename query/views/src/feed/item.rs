//! What a feed says.

use model::{Category, Frontier, Moment, Position, Record, RecordRef, Version};
use std::sync::Arc;

/// Where a subscription begins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FeedStart {
    /// With the whole view as history, then what comes.
    Beginning,
    /// With what came after a heartbeat's frontier. Where that is no longer remembered: a reset, then the whole view.
    After(Frontier),
    /// With what comes from now on.
    Now,
}

/// One change of a view.
#[derive(Clone, PartialEq, Debug)]
pub enum FeedItem {
    /// A record came into the view.
    Appeared {
        /// What made it appear: its own letter, or that of the grant, link or scope that opened it; `None` where the
        /// passing of time did, or where it is part of the view as a whole.
        position: Option<Position>,
        /// The record.
        record: Arc<Record>,
        /// When the door admitted it; `None` where that is no longer at hand, as for history.
        admitted: Option<Moment>,
        /// It is history: raise no alarm.
        historic: bool,
    },
    /// A record in the view has a newer version.
    Changed {
        /// The new version's place in the log.
        position: Position,
        /// The version that holds now.
        record: Arc<Record>,
        /// When the door admitted it.
        admitted: Option<Moment>,
        /// The version it took the place of.
        superseded: Version,
        /// The category of that version.
        was: Category,
        /// It is a replay: raise no alarm.
        historic: bool,
    },
    /// A record left the view.
    Vanished {
        /// Which one.
        record: RecordRef,
        /// The category it was in, for listeners who asked for some only.
        category: Category,
        /// Why, as far as a viewer may know.
        reason: Vanishing,
        /// What made it vanish; `None` where the passing of time did.
        position: Option<Position>,
    },
    /// Forget everything received: what follows is the whole view anew.
    Reset(ResetReason),
    /// The permission to watch has ended, and the feed with it: this is the last item.
    Closed(Closing),
    /// Everything before this frontier was sent.
    Heartbeat {
        /// How far in the log.
        frontier: Frontier,
        /// When it was so.
        moment: Moment,
    },
}

/// Why a record left a view. A viewer is not told which gate closed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Vanishing {
    /// The source took the record back.
    Deleted,
    /// A newer version is not for this viewer.
    Superseded,
    /// Consent, scope or link no longer open it.
    Withheld,
}

impl Vanishing {
    /// All.
    pub const ALL: [Self; 3] = [Self::Deleted, Self::Superseded, Self::Withheld];
    /// `deleted`, `superseded` or `withheld`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::Superseded => "superseded",
            Self::Withheld => "withheld",
        }
    }
}

/// Why a feed was ended from within.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Closing {
    /// The facility no longer takes part, or the person no longer works there in that role.
    Departed,
    /// What a broken glass had opened is closed.
    GlassClosed,
}

impl Closing {
    /// `departed` or `glass-closed`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Departed => "departed",
            Self::GlassClosed => "glass-closed",
        }
    }
}

/// Why a view is sent anew.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ResetReason {
    /// The place to resume from is no longer remembered.
    Forgotten,
    /// The listener read too slowly.
    TooFarBehind,
}

impl ResetReason {
    /// `forgotten` or `too-far-behind`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Forgotten => "forgotten",
            Self::TooFarBehind => "too-far-behind",
        }
    }
}
