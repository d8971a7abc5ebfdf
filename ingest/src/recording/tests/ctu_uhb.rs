//! The forty recordings in `../shared/data/ctg/ctu-uhb-40`.

#![expect(clippy::print_stdout, reason = "a test says when it looked at nothing")]

use crate::recording::{tracks, wfdb};
use model::{FrameQuality, WaveformChannel};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn folder() -> Option<PathBuf> {
    let root = std::env::var_os("AJISAI_SHARED_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from);
    let folder = root.join("ctg/ctu-uhb-40");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("NOT FOUND: {} (set AJISAI_SHARED_DATA); this test looked at nothing", folder.display());
    None
}

#[test]
fn all_forty_are_read_and_their_samples_add_up_to_the_checksums() {
    let Some(folder) = folder() else { return };
    let (mut records, mut seen, mut lost) = (0, 0, 0);
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|kind| kind != "hea") {
            continue;
        }
        let header = wfdb::Header::parse(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(header.name(), path.file_stem().unwrap());
        let files: BTreeMap<String, Vec<u8>> = header
            .files()
            .into_iter()
            .map(|file| (file.to_owned(), std::fs::read(folder.join(file)).unwrap()))
            .collect();
        // That they were read by the checksums of their headers is the test of every sample.
        let recording = header.read(&files).unwrap_or_else(|fault| panic!("{}: {fault}", header.name()));
        let tracks = tracks(&recording, &[]).unwrap();
        let channels: Vec<WaveformChannel> = tracks.iter().map(|track| track.channel).collect();
        assert_eq!(channels, [WaveformChannel::FetalHeartRate(1), WaveformChannel::UterineActivity]);
        let heart = &tracks[0];
        assert!(heart.samples.len() >= 60 * 60 * 4 && heart.samples.len() == tracks[1].samples.len());
        for (value, quality) in heart.samples.iter().zip(&heart.quality) {
            if *quality == FrameQuality::Lost {
                lost += 1;
            } else {
                assert!((20.0..=260.0).contains(value), "{} has a rate of {value}", header.name());
                seen += 1;
            }
        }
        records += 1;
    }
    assert_eq!(records, 40);
    assert_eq!((seen, lost), (557_489, 169_996));
}
