//! The book as the identity layer asks it.

use crate::identity::{DirectoryCheck, Standing};
use consent_filter::Book;
use model::{FacilityStatus, Moment, Principal};
use parking_lot::RwLock;
use std::sync::Arc;

/// The directory of the book: a member who has left, or a facility that is barred, is turned away at the next request.
#[derive(Debug)]
pub struct BookDirectory {
    book: Arc<RwLock<Book>>,
}

impl BookDirectory {
    /// Over a book.
    pub fn new(book: Arc<RwLock<Book>>) -> Self {
        Self { book }
    }
}

impl DirectoryCheck for BookDirectory {
    fn standing(&self, principal: &Principal, moment: Moment) -> Standing {
        let book = self.book.read();
        match book.stated_facility(&principal.facility) {
            None => return Standing::UnknownFacility,
            Some(facility) if facility.status != FacilityStatus::Active => return Standing::InactiveFacility,
            Some(_) => {}
        }
        let Some(id) = &principal.member else { return Standing::Good };
        match book.member(id) {
            Some(member) if member.facility == principal.facility => {
                if !member.period.contains(moment) {
                    Standing::OutsideMembership
                } else if member.role != principal.role {
                    Standing::OtherRole
                } else {
                    Standing::Good
                }
            }
            _ => Standing::UnknownMember,
        }
    }
}
