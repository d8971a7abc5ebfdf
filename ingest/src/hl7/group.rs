//! The groups of a message: whose it is, and what belongs to which order.
//!
//! The grammar of each message type is not enforced. Senders leave groups out and put segments where they like them; what
//! counts is which order a result follows.

use super::Kind;
use hl7v2::{Message, Segment};

/// What a message says of one patient. Most messages have one section.
#[derive(Default)]
pub(super) struct Section<'m> {
    pub pid: Option<Segment<'m>>,
    pub mrg: Option<Segment<'m>>,
    pub pv1: Option<Segment<'m>>,
    pub pv2: Option<Segment<'m>>,
    /// `AL1`, `IAM`, `DG1`, `PRB`, `TXA`, in order.
    pub others: Vec<Segment<'m>>,
    /// The notes before the first order.
    pub notes: Vec<Segment<'m>>,
    pub groups: Vec<Group<'m>>,
}

/// What belongs to one order, or to none.
#[derive(Default)]
pub(super) struct Group<'m> {
    pub orc: Option<Segment<'m>>,
    pub obr: Option<Segment<'m>>,
    pub spm: Option<Segment<'m>>,
    /// `RXE`, `RXO`, `RXA` or `RXD`.
    pub rx: Option<Segment<'m>>,
    pub tq1: Option<Segment<'m>>,
    /// The first `RXR`: route and site.
    pub rxr: Option<Segment<'m>>,
    /// `IPC`, or `ZDS` of older senders.
    pub study: Option<Segment<'m>>,
    pub obx: Vec<Segment<'m>>,
    /// The notes of the order and of its observations, in order.
    pub notes: Vec<Segment<'m>>,
    /// Of each of these notes, which of the observations it follows; `None` for the order itself.
    pub noted: Vec<Option<usize>>,
}

impl<'m> Group<'m> {
    /// The group with some of its observations, without its notes.
    pub(super) fn only(&self, obx: Vec<Segment<'m>>) -> Self {
        Self { obx, notes: Vec::new(), noted: Vec::new(), ..*self }
    }

    /// The notes beside the observation at this place, or beside the order.
    pub fn notes_of(&self, obx: Option<usize>) -> impl Iterator<Item = &Segment<'m>> {
        self.notes.iter().zip(&self.noted).filter(move |(_, of)| **of == obx).map(|(note, _)| note)
    }

    fn is_empty(&self) -> bool {
        self.orc.is_none() && self.obr.is_none() && self.rx.is_none() && self.obx.is_empty()
    }
}

/// The sections of a message: one for each `PID`. What precedes the first is passed over (`MSH`, `EVN`).
pub(super) fn sections<'m>(message: &'m Message<'_>, kind: Kind) -> Vec<Section<'m>> {
    let mut sections: Vec<Section<'m>> = Vec::new();
    let mut specimen: Option<Segment<'m>> = None;
    for segment in message.segments() {
        let name = segment.id();
        if name == "PID" {
            sections.push(Section { pid: Some(segment), ..Section::default() });
            specimen = None;
            continue;
        }
        let Some(section) = sections.last_mut() else { continue };
        match name.as_str() {
            "MRG" => section.mrg = Some(segment),
            "PV1" => section.pv1 = Some(segment),
            "PV2" => section.pv2 = Some(segment),
            "AL1" | "IAM" | "DG1" | "PRB" | "TXA" => section.others.push(segment),
            "SPM" if kind.specimen_first => {
                specimen = Some(segment);
                // What precedes belongs to the specimen before.
                section.groups.push(Group { spm: specimen, ..Group::default() });
            }
            "SPM" => current(section).spm = Some(segment),
            "ORC" => {
                // In OUL the order's control follows its request.
                let follows = |group: &Group<'_>| group.obr.is_some() && group.orc.is_none() && group.obx.is_empty();
                match section.groups.last_mut().filter(|group| kind.specimen_first && follows(group)) {
                    Some(group) => group.orc = Some(segment),
                    None => section.groups.push(Group { orc: Some(segment), spm: specimen, ..Group::default() }),
                }
            }
            "OBR" => {
                let open = |group: &Group<'_>| group.obr.is_none() && group.rx.is_none() && group.obx.is_empty();
                match section.groups.last_mut().filter(|group| open(group)) {
                    Some(group) => group.obr = Some(segment),
                    None => section.groups.push(Group { obr: Some(segment), spm: specimen, ..Group::default() }),
                }
            }
            "RXE" | "RXO" | "RXA" | "RXD" => {
                let last = section.groups.last();
                let orc = last.and_then(|group| group.orc);
                // An encoded order (`RXE`) says the same as the order it encodes (`RXO`), and more.
                let encodes = |group: &Group<'_>| match group.rx {
                    None => group.obx.is_empty() && group.obr.is_none(),
                    Some(rx) => rx.id() == "RXO" && name == "RXE",
                };
                match section.groups.last_mut().filter(|group| encodes(group)) {
                    Some(group) => group.rx = Some(segment),
                    // Several doses of one order.
                    None => section.groups.push(Group { orc, rx: Some(segment), ..Group::default() }),
                }
            }
            "TQ1" => current(section).tq1 = Some(segment),
            "RXR" => {
                let group = current(section);
                group.rxr = group.rxr.or(Some(segment));
            }
            "IPC" | "ZDS" => current(section).study = Some(segment),
            "OBX" => current(section).obx.push(segment),
            "NTE" => match section.groups.last_mut() {
                Some(group) => {
                    group.notes.push(segment);
                    group.noted.push(group.obx.len().checked_sub(1));
                }
                None => section.notes.push(segment),
            },
            _ => {}
        }
    }
    for section in &mut sections {
        let (groups, empty) = std::mem::take(&mut section.groups).into_iter().partition(|group| !group.is_empty());
        section.groups = groups;
        section.notes.extend(empty.into_iter().flat_map(|group: Group<'_>| group.notes));
    }
    sections
}

fn current<'a, 'm>(section: &'a mut Section<'m>) -> &'a mut Group<'m> {
    if section.groups.is_empty() {
        section.groups.push(Group::default());
    }
    let last = section.groups.len() - 1;
    // One was pushed if there was none.
    #[expect(clippy::indexing_slicing, reason = "the list is not empty")]
    &mut section.groups[last]
}
