//! A set of classes as bits.

use crate::ClassIx;
use crate::planted::{Bug, is};
use std::fmt;

/// A set of scope classes: bit *i* stands for the class numbered *i*. A class past the end is not in it.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct ClassMask {
    /// INVARIANT: the last word is not zero, so that equal sets are equal.
    words: Vec<u64>,
}

impl ClassMask {
    /// Whether a class is in it.
    #[inline]
    pub fn contains(&self, class: ClassIx) -> bool {
        let at = class.get();
        self.words.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 == 1)
    }
    /// The bits, 64 classes a word, the lowest class in the lowest bit.
    pub fn words(&self) -> &[u64] {
        &self.words
    }
    /// The classes in it, in order.
    pub fn iter(&self) -> impl Iterator<Item = ClassIx> {
        let bits = |(at, word): (usize, &u64)| {
            let word = *word;
            (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| ClassIx::at(at * 64 + bit))
        };
        self.words.iter().enumerate().flat_map(bits)
    }
    /// Whether none is in it.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }
    pub(crate) fn insert(&mut self, class: ClassIx) {
        let place = class.get() + usize::from(is(Bug::MaskShifted));
        let (word, bit) = (place / 64, place % 64);
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        if let Some(word) = self.words.get_mut(word) {
            *word |= 1 << bit;
        }
    }
}

impl FromIterator<ClassIx> for ClassMask {
    fn from_iter<I: IntoIterator<Item = ClassIx>>(classes: I) -> Self {
        let mut mask = Self::default();
        classes.into_iter().for_each(|class| mask.insert(class));
        mask
    }
}

impl fmt::Debug for ClassMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(ClassIx::get)).finish()
    }
}
