//! The Merkle tree of RFC 6962 over the entries, of which only the right edge is in memory.
//!
//! Every node of a complete subtree is kept once, in the order in which it is completed: 64 bytes per entry, in a file
//! or a vector of the caller ([`Nodes`]). Appending hashes once per node that it completes, two on average and at most
//! one per level, and needs the 32 bytes of each complete subtree on the right edge: at most 48 of them. A proof reads
//! one node per level, and at its right edge one per level more.

use ct_merkle::{
    ConsistencyProof, InclusionProof, RootHash, indices_for_consistency_proof, indices_for_inclusion_proof,
};
use model::Digest;
use sha2::Sha256;

use crate::canon::sha256;

/// The tree takes no more entries than this.
pub const LARGEST: u64 = 1 << 48;

/// Where the nodes of complete subtrees are kept, by place, from 0 without gaps.
pub trait Nodes {
    /// The node at `place`; `None` when there is none, or it cannot be read.
    fn node(&self, place: u64) -> Option<Digest>;
}

impl Nodes for [Digest] {
    fn node(&self, place: u64) -> Option<Digest> {
        self.get(usize::try_from(place).ok()?).copied()
    }
}

impl Nodes for Vec<Digest> {
    fn node(&self, place: u64) -> Option<Digest> {
        self.as_slice().node(place)
    }
}

/// The right edge of a tree that grows.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tree {
    size: u64,
    /// The complete subtrees, from the largest to the smallest: one for each bit of `size`.
    edge: Vec<Digest>,
}

/// The hashes from a leaf, or from where two trees part, to the root.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Proof(pub(crate) Vec<u8>);

impl Proof {
    /// The hashes in order, 32 bytes each.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// How many nodes are kept for a tree of `size` entries.
pub fn nodes_kept(size: u64) -> u64 {
    2 * size - u64::from(size.count_ones())
}

/// The hash of an entry's bytes, as a leaf.
pub fn leaf_hash(bytes: &[u8]) -> Digest {
    sha256(&[&[0], bytes])
}

fn parent_hash(left: &Digest, right: &Digest) -> Digest {
    sha256(&[&[1], left.as_bytes(), right.as_bytes()])
}

/// The place of the complete subtree of 2^`level` entries that begins at `start`: it is completed by its last entry,
/// after its own left parts.
fn place_of(level: u32, start: u64) -> u64 {
    nodes_kept(start + (1 << level) - 1) + u64::from(level)
}

fn subtree(nodes: &(impl Nodes + ?Sized), start: u64, end: u64) -> Option<Digest> {
    let mut hash: Option<Digest> = None;
    let mut complete = Vec::new();
    let mut from = start;
    while from < end {
        let level = (end - from).ilog2();
        complete.push((level, from));
        from += 1 << level;
    }
    for (level, from) in complete.into_iter().rev() {
        let left = nodes.node(place_of(level, from))?;
        hash = Some(match hash {
            Some(right) => parent_hash(&left, &right),
            None => left,
        });
    }
    hash
}

/// The nodes that the library names by their place in the tree of `size` entries, leaves at even places.
fn gather(nodes: &(impl Nodes + ?Sized), size: u64, places: &[u64]) -> Option<Proof> {
    let mut proof = Vec::with_capacity(places.len() * 32);
    for place in places {
        let level = place.trailing_ones();
        let start = (place - ((1 << level) - 1)) / 2;
        proof.extend_from_slice(subtree(nodes, start, size.min(start + (1 << level)))?.as_bytes());
    }
    Some(Proof(proof))
}

/// The proof that entry `index` is in the tree of the first `size` entries; `None` when it is not, or a node is missing.
pub fn prove_inclusion(nodes: &(impl Nodes + ?Sized), size: u64, index: u64) -> Option<Proof> {
    if index >= size || size > LARGEST {
        return None;
    }
    gather(nodes, size, &indices_for_inclusion_proof(size, index))
}

/// The proof that the tree of the first `old` entries is the beginning of that of the first `new`; `None` when it is
/// not, or a node is missing. Of an empty tree, or of the same, there is nothing to prove and the proof is empty.
pub fn prove_consistency(nodes: &(impl Nodes + ?Sized), old: u64, new: u64) -> Option<Proof> {
    if old > new || new > LARGEST {
        return None;
    }
    if old == 0 || old == new {
        return Some(Proof::default());
    }
    gather(nodes, new, &indices_for_consistency_proof(old, new - old))
}

fn root_hash(size: u64, root: &Digest) -> RootHash<Sha256> {
    RootHash::new((*root.as_bytes()).into(), size)
}

/// Whether `proof` shows that entry `index`, of these bytes, is in the tree of `size` entries and this root.
pub fn includes(size: u64, root: &Digest, index: u64, bytes: &[u8], proof: &Proof) -> bool {
    if index >= size || size > LARGEST {
        return false;
    }
    let Ok(proof) = InclusionProof::try_from_bytes(proof.0.clone()) else { return false };
    root_hash(size, root).verify_inclusion(&bytes, index, &proof).is_ok()
}

/// Whether `proof` shows that the tree (`old`, `old_root`) is the beginning of the tree (`new`, `new_root`).
pub fn extends((old, old_root): (u64, &Digest), (new, new_root): (u64, &Digest), proof: &Proof) -> bool {
    if old > new || new > LARGEST {
        return false;
    }
    if old == new {
        return old_root == new_root && proof.0.is_empty();
    }
    if old == 0 {
        return *old_root == Tree::default().root() && proof.0.is_empty();
    }
    let Ok(proof) = ConsistencyProof::try_from_bytes(proof.0.clone()) else { return false };
    root_hash(new, new_root).verify_consistency(&root_hash(old, old_root), &proof).is_ok()
}

// === impl Tree ===

impl Tree {
    /// The tree of the first `size` entries whose nodes are kept in `nodes`; `None` when one is missing.
    pub fn resume(size: u64, nodes: &(impl Nodes + ?Sized)) -> Option<Self> {
        if size > LARGEST {
            return None;
        }
        let mut edge = Vec::new();
        let mut from = 0;
        while from < size {
            let level = (size - from).ilog2();
            edge.push(nodes.node(place_of(level, from))?);
            from += 1 << level;
        }
        Some(Self { size, edge })
    }
    /// How many entries it has.
    pub fn size(&self) -> u64 {
        self.size
    }
    /// Appends an entry by its [`leaf_hash`]; gives the nodes to keep, in order.
    pub fn append(&mut self, leaf: Digest) -> Vec<Digest> {
        let completes = self.size.trailing_ones();
        let mut kept = Vec::with_capacity(completes as usize + 1);
        let mut hash = leaf;
        kept.push(hash);
        for _ in 0..completes {
            let Some(left) = self.edge.pop() else { break };
            hash = parent_hash(&left, &hash);
            kept.push(hash);
        }
        self.edge.push(hash);
        self.size += 1;
        kept
    }
    /// The root. Of an empty tree it is the hash of nothing, as in RFC 6962.
    pub fn root(&self) -> Digest {
        let mut smallest_first = self.edge.iter().rev();
        let Some(first) = smallest_first.next() else { return sha256(&[]) };
        smallest_first.fold(*first, |right, left| parent_hash(left, &right))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ct_merkle::mem_backed_tree::MemoryBackedTree;
    use proptest::prelude::*;

    fn leaf(number: u64) -> [u8; 8] {
        number.to_be_bytes()
    }
    fn grown(size: u64) -> (Tree, Vec<Digest>) {
        let (mut tree, mut nodes) = (Tree::default(), Vec::new());
        (0..size).for_each(|number| nodes.extend(tree.append(leaf_hash(&leaf(number)))));
        (tree, nodes)
    }
    fn library(size: u64) -> MemoryBackedTree<Sha256, [u8; 8]> {
        let mut tree = MemoryBackedTree::new();
        (0..size).for_each(|number| tree.push(leaf(number)));
        tree
    }

    #[test]
    fn the_tree_is_the_librarys_tree_at_every_size() {
        for size in 0..130 {
            let (tree, nodes) = grown(size);
            assert_eq!(tree.root().as_bytes()[..], library(size).root().as_bytes()[..], "root of {size}");
            assert_eq!(nodes.len() as u64, nodes_kept(size), "nodes of {size}");
            assert_eq!(Tree::resume(size, &nodes), Some(tree), "resumed at {size}");
        }
    }

    #[test]
    fn proofs_are_the_librarys_proofs_at_every_place() {
        for size in 1..70 {
            let (tree, nodes) = grown(size);
            let library = library(size);
            for index in 0..size {
                let proof = prove_inclusion(&nodes, size, index).unwrap();
                assert_eq!(proof.0, library.prove_inclusion(index as usize).as_bytes(), "{index} of {size}");
                assert!(includes(size, &tree.root(), index, &leaf(index), &proof));
            }
            for old in 1..size {
                let proof = prove_consistency(&nodes, old, size).unwrap();
                assert_eq!(proof.0, library.prove_consistency((size - old) as usize).as_bytes(), "{old} of {size}");
            }
        }
    }

    #[test]
    fn a_tree_proves_its_beginnings_also_from_the_nodes_of_a_later_one() {
        let (_, nodes) = grown(100);
        for size in 1..100 {
            let (tree, _) = grown(size);
            let proof = prove_inclusion(&nodes, size, size / 2).unwrap();
            assert!(includes(size, &tree.root(), size / 2, &leaf(size / 2), &proof));
        }
    }

    #[test]
    fn nothing_is_proved_beyond_the_tree_or_without_its_nodes() {
        let (tree, nodes) = grown(9);
        assert_eq!(prove_inclusion(&nodes, 9, 9), None);
        assert_eq!(prove_inclusion(&nodes, 10, 8), None, "the tenth entry's nodes are not kept");
        assert_eq!(prove_consistency(&nodes, 9, 8), None);
        assert_eq!(Tree::resume(10, &nodes), None);
        assert_eq!(Tree::resume(u64::MAX, &nodes), None);
        for size in [0, 9, LARGEST + 1, u64::MAX] {
            assert!(!includes(size, &tree.root(), u64::MAX - 1, &leaf(0), &Proof(vec![0; 128])));
            assert!(!extends((size, &tree.root()), (u64::MAX, &tree.root()), &Proof(vec![0; 128])));
        }
    }

    proptest! {
        #[test]
        fn a_wrong_proof_proves_nothing(
            size in 1..300_u64, index in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), bit in 0..8_u32,
        ) {
            let (tree, nodes) = grown(size);
            let (root, index) = (tree.root(), index.index(size as usize) as u64);
            let proof = prove_inclusion(&nodes, size, index).unwrap();
            prop_assert!(includes(size, &root, index, &leaf(index), &proof));
            prop_assert!(!includes(size, &root, index, &leaf(index + 1), &proof), "another entry");
            prop_assert!(size == 1 || !includes(size, &root, (index + 1) % size, &leaf(index), &proof), "another place");
            let mut longer = proof.clone();
            longer.0.extend([0; 32]);
            prop_assert!(!includes(size, &root, index, &leaf(index), &longer), "a longer proof");
            if !proof.0.is_empty() {
                let mut flipped = proof.clone();
                let at = at.index(flipped.0.len());
                flipped.0[at] ^= 1 << bit;
                prop_assert!(!includes(size, &root, index, &leaf(index), &flipped), "a flipped bit");
                let shorter = Proof(proof.0[32..].to_vec());
                prop_assert!(!includes(size, &root, index, &leaf(index), &shorter), "a shorter proof");
            }
        }

        #[test]
        fn heads_are_consistent_and_others_are_not(new in 0..300_u64, old in any::<prop::sample::Index>()) {
            let old = old.index(new as usize + 1) as u64;
            let ((now, nodes), (before, _)) = (grown(new), grown(old));
            let proof = prove_consistency(&nodes, old, new).unwrap();
            prop_assert!(extends((old, &before.root()), (new, &now.root()), &proof));
            let other = leaf_hash(b"another history");
            prop_assert!(!extends((old, &other), (new, &now.root()), &proof), "another beginning");
            if old > 0 {
                prop_assert!(!extends((old, &before.root()), (new, &other), &proof), "another end");
            }
            prop_assert!(old == new || !extends((new, &now.root()), (old, &before.root()), &proof), "backwards");
        }

        #[test]
        fn any_bytes_as_a_proof_never_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..400), size in any::<u64>(), index in any::<u64>(), old in any::<u64>(),
        ) {
            let proof = Proof(bytes);
            let root = leaf_hash(b"x");
            let _ = includes(size, &root, index, b"x", &proof);
            let _ = includes(size % 1000, &root, index % 1000, b"x", &proof);
            let _ = extends((old, &root), (size, &root), &proof);
            let _ = extends((old % 1000, &root), (size % 1000, &root), &proof);
        }
    }
}
