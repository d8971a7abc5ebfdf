mod arbitrary;
mod refusals;
mod vocabularies;

use crate::{parse_event, read_event, v1, write_event};
use model::{Event, Frontier, Position};
use proptest::prelude::*;
use prost::Message;

proptest! {
    #[test]
    fn an_event_comes_back_the_same(event in arbitrary::event()) {
        let bytes = write_event(&event);
        prop_assert_eq!(read_event(bytes), Ok(event));
    }

    #[test]
    fn the_bytes_are_those_without_admission_and_then_the_admission(event in arbitrary::event()) {
        // The door computes the content of an event before it stamps it, and appends the stamp.
        let whole = write_event(&event);
        let mut unstamped = v1::Event::from(&event);
        unstamped.admitted_us = None;
        let content = unstamped.encode_to_vec();
        let stamp = v1::Event { admitted_us: Some(event.admitted_at.micros()), ..v1::Event::default() };
        prop_assert_eq!(&whole[..content.len()], &content[..]);
        prop_assert_eq!(&whole[content.len()..], &stamp.encode_to_vec()[..]);
        prop_assert_eq!(whole.len(), content.len() + crate::STAMP_LENGTH);
    }

    #[test]
    fn any_bytes_are_an_event_or_a_named_refusal(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Err(error) = read_event(bytes.into()) {
            prop_assert!(!error.field().is_empty());
        }
    }

    #[test]
    fn a_damaged_event_never_panics(event in arbitrary::event(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = write_event(&event).to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(read) = read_event(bytes.into()) {
            prop_assert_eq!(read_event(write_event(&read)), Ok(read));
        }
    }

    #[test]
    fn debug_of_a_message_shows_nothing_it_says(event in arbitrary::event()) {
        let shown = format!("{:?}", v1::Event::from(&event));
        prop_assert_eq!(shown, "Event(******)");
    }

    #[test]
    fn a_frontier_comes_back_the_same(places in prop::collection::vec((0..9_u32, 0..1_000_000_u64), 0..9)) {
        let mut frontier = Frontier::start();
        for (partition, offset) in places {
            frontier.include(Position::new(partition, offset));
            let position = Position::new(partition, offset);
            prop_assert_eq!(Position::from(v1::Position::from(position)), position);
        }
        prop_assert_eq!(Frontier::from(v1::Frontier::from(&frontier)), frontier);
    }
}

#[test]
fn the_descriptor_set_names_every_service() {
    let set = prost_types::FileDescriptorSet::decode(crate::FILE_DESCRIPTOR_SET).unwrap();
    let mut services: Vec<String> =
        set.file.iter().flat_map(|file| &file.service).map(|service| service.name().to_owned()).collect();
    services.sort();
    assert_eq!(
        services,
        [
            "BedService",
            "CohortService",
            "ConsentService",
            "DefinitionService",
            "DirectoryService",
            "ExplainService",
            "FeedService",
            "IngestService",
            "LaboratoryService",
            "LedgerService",
            "MeasureService",
            "NodeService",
            "NoticeService",
            "PolicyService",
            "PublisherService",
            "QueryService",
            "ReferralService",
            "WorklistService"
        ]
    );
}

#[test]
fn an_unknown_field_of_a_later_version_does_not_hide_the_known_ones() {
    let event: Event = arbitrary::example();
    let mut bytes = write_event(&event).to_vec();
    bytes.extend_from_slice(&[0xf8, 0x06, 0x01]); // field 111, varint 1
    assert!(parse_event(bytes.clone().into()).is_ok());
    assert_eq!(read_event(bytes.into()), Ok(event));
}
