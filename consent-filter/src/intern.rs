//! Interning: equal values get one number, and ids are kept packed.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};

/// A quick hash of short texts and numbers, one multiplication per eight bytes.
///
/// The default hasher costs more than the decision itself. Keys are ids that members state; a member who makes
/// them collide slows the node down and learns nothing.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct QuickHasher(u64);

impl QuickHasher {
    fn mix(&mut self, word: u64) {
        let wide = u128::from(self.0.rotate_left(5) ^ word) * 0x9E37_79B9_7F4A_7C15_u128;
        self.0 = (wide as u64) ^ ((wide >> 64) as u64);
    }
}

impl Hasher for QuickHasher {
    fn write(&mut self, bytes: &[u8]) {
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            let mut word = [0; 8];
            word.copy_from_slice(chunk);
            self.mix(u64::from_le_bytes(word));
        }
        let mut tail = bytes.len() as u64;
        for byte in chunks.remainder() {
            tail = tail << 8 | u64::from(*byte);
        }
        self.mix(tail ^ 0xFF51_AFD7_ED55_8CCD);
    }
    fn write_u8(&mut self, n: u8) {
        self.mix(u64::from(n));
    }
    fn write_u16(&mut self, n: u16) {
        self.mix(u64::from(n));
    }
    fn write_u32(&mut self, n: u32) {
        self.mix(u64::from(n));
    }
    fn write_u64(&mut self, n: u64) {
        self.mix(n);
    }
    fn write_usize(&mut self, n: usize) {
        self.mix(n as u64);
    }
    fn finish(&self) -> u64 {
        self.0
    }
}

/// A map with [`QuickHasher`].
pub(crate) type QuickMap<K, V> = HashMap<K, V, BuildHasherDefault<QuickHasher>>;

pub(crate) fn quick_hash(value: &impl Hash) -> u64 {
    let mut hasher = QuickHasher::default();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Numbers values by content, from 0, and never forgets one.
#[derive(Clone, Debug)]
pub(crate) struct Interner<T> {
    values: Vec<T>,
    numbers: QuickMap<T, u32>,
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self { values: Vec::new(), numbers: QuickMap::default() }
    }
}

impl<T: Clone + Eq + Hash> Interner<T> {
    /// The number of `value`; `u32::MAX`, which stands for nothing, past four billion values.
    pub(crate) fn number(&mut self, value: &T) -> u32 {
        if let Some(number) = self.numbers.get(value) {
            return *number;
        }
        let Some(number) = u32::try_from(self.values.len()).ok().filter(|n| *n < u32::MAX) else {
            return u32::MAX;
        };
        self.values.push(value.clone());
        self.numbers.insert(value.clone(), number);
        number
    }
    pub(crate) fn find(&self, value: &T) -> Option<u32> {
        self.numbers.get(value).copied()
    }
    pub(crate) fn get(&self, number: u32) -> Option<&T> {
        self.values.get(number as usize)
    }
    /// How many values have a number; the numbers are `0..len()`.
    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.values.len()).unwrap_or(u32::MAX)
    }
    /// Bytes of the tables themselves, without what the values own elsewhere.
    pub(crate) fn bytes(&self) -> usize {
        self.values.capacity() * size_of::<T>() + self.numbers.capacity() * (size_of::<(T, u32)>() + 1)
    }
}

/// Finds entries of a table elsewhere by hash, without holding their keys a second time.
#[derive(Clone, Default, Debug)]
pub(crate) struct HashIndex {
    first: QuickMap<u64, u32>,
    /// For each entry the one before it with the same hash.
    before: Vec<u32>,
}

impl HashIndex {
    const NONE: u32 = u32::MAX;

    /// The entry of this hash that `is` recognises.
    pub(crate) fn find(&self, hash: u64, is: impl Fn(u32) -> bool) -> Option<u32> {
        let mut at = self.first.get(&hash).copied().unwrap_or(Self::NONE);
        while at != Self::NONE {
            if is(at) {
                return Some(at);
            }
            at = self.before.get(at as usize).copied().unwrap_or(Self::NONE);
        }
        None
    }
    /// Adds the next entry; its number is how many there were. `None` past four billion.
    pub(crate) fn push(&mut self, hash: u64) -> Option<u32> {
        let number = u32::try_from(self.before.len()).ok().filter(|n| *n < Self::NONE)?;
        let before = self.first.insert(hash, number).unwrap_or(Self::NONE);
        self.before.push(before);
        Some(number)
    }
    pub(crate) fn bytes(&self) -> usize {
        self.first.capacity() * (size_of::<(u64, u32)>() + 1) + self.before.capacity() * size_of::<u32>()
    }
}

/// Ids one after another in one stretch of bytes, each with `BESIDE` bytes of its holder behind it. A canonical UUID takes 17
/// bytes, any other id its length and one. An id's place is where it begins, so that places are no numbers to count by: a
/// table of one row for each would be empty but for every seventeenth.
#[derive(Clone, Default, Debug)]
pub(crate) struct PackedIds<const BESIDE: usize = 0> {
    bytes: Vec<u8>,
}

/// Marks a packed UUID; a length never reaches it, since ids are at most 128 bytes long.
const UUID: u8 = u8::MAX;
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

impl<const BESIDE: usize> PackedIds<BESIDE> {
    /// Adds an id, with every bit set beside it, and gives its place; `None` when four gigabytes of ids are full.
    pub(crate) fn push(&mut self, id: &str) -> Option<u32> {
        let at = u32::try_from(self.bytes.len()).ok().filter(|at| *at < u32::MAX)?;
        let room = id.len() + 1 + BESIDE;
        if self.bytes.capacity() - self.bytes.len() < room {
            // By an eighth at a time: doubling would leave up to half of the bytes empty.
            self.bytes.reserve_exact(self.bytes.len() / 8 + room + 64);
        }
        match pack_uuid(id) {
            Some(uuid) => {
                self.bytes.push(UUID);
                self.bytes.extend_from_slice(&uuid);
            }
            None => {
                self.bytes.push(u8::try_from(id.len()).ok().filter(|length| *length != UUID)?);
                self.bytes.extend_from_slice(id.as_bytes());
            }
        }
        self.bytes.extend_from_slice(&[u8::MAX; BESIDE]);
        Some(at)
    }
    /// What stands beside the id at `at`.
    pub(crate) fn beside(&self, at: u32) -> Option<[u8; BESIDE]> {
        let from = self.end(at)?;
        self.bytes.get(from..from + BESIDE)?.try_into().ok()
    }
    /// Puts something beside the id at `at`.
    pub(crate) fn put_beside(&mut self, at: u32, what: [u8; BESIDE]) {
        if let Some(place) = self.end(at).and_then(|from| self.bytes.get_mut(from..from + BESIDE)) {
            place.copy_from_slice(&what);
        }
    }
    /// Where the id at `at` ends.
    fn end(&self, at: u32) -> Option<usize> {
        let (_, id) = self.packed(at)?;
        Some(at as usize + 1 + id.len())
    }
    /// Whether the id at `at` is `id`.
    pub(crate) fn is(&self, at: u32, id: &str) -> bool {
        match self.packed(at) {
            Some((true, bytes)) => pack_uuid(id).is_some_and(|uuid| uuid == *bytes),
            Some((false, bytes)) => bytes == id.as_bytes(),
            None => false,
        }
    }
    /// The id at `at`, as it was given.
    pub(crate) fn text(&self, at: u32) -> Option<String> {
        let (is_uuid, bytes) = self.packed(at)?;
        if !is_uuid {
            return String::from_utf8(bytes.to_vec()).ok();
        }
        let mut text = String::with_capacity(36);
        for byte in bytes {
            if HYPHENS.contains(&text.len()) {
                text.push('-');
            }
            text.push(char::from_digit(u32::from(byte >> 4), 16)?);
            text.push(char::from_digit(u32::from(byte & 15), 16)?);
        }
        Some(text)
    }
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.capacity()
    }
    fn packed(&self, at: u32) -> Option<(bool, &[u8])> {
        let (mark, rest) = self.bytes.get(at as usize..)?.split_first()?;
        if *mark == UUID { Some((true, rest.get(..16)?)) } else { Some((false, rest.get(..usize::from(*mark))?)) }
    }
}

/// The 16 bytes of a UUID written in its canonical form: lower case, with hyphens.
fn pack_uuid(id: &str) -> Option<[u8; 16]> {
    if id.len() != 36 {
        return None;
    }
    let mut uuid = [0_u8; 16];
    let mut digits = 0_usize;
    for (at, byte) in id.bytes().enumerate() {
        if HYPHENS.contains(&at) {
            if byte != b'-' {
                return None;
            }
            continue;
        }
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return None,
        };
        let place = uuid.get_mut(digits / 2)?;
        *place = *place << 4 | digit;
        digits += 1;
    }
    Some(uuid)
}

#[cfg(test)]
mod tests;
