//! Recordings of bedside signals, played through the door as if their monitors sent them.

use super::name;
use crate::cli::consent::stated_at;
use crate::cli::terminal::{progress, say, table};
use crate::client::player::Tally;
use crate::client::publisher::Publisher;
use crate::client::{Client, Connection};
use anyhow::{Context as _, bail, ensure};
use clap::Args;
use indicatif::ProgressBar;
use ingest::recording::{Bed, Choice, Recording, Track, mfer, tracks, wfdb};
use model::{DepartmentCode, FacilityId, Frontier, Moment, PatientNumber, PatientRef};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// How recordings are played.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "波形の再生 Playing recordings")]
pub(super) struct Playing {
    /// WFDB（PhysioNet）の記録: .hea のファイル、またはそれらのあるディレクトリ WFDB records: .hea files, or directories of them.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    wfdb: Vec<PathBuf>,
    /// MFER（ISO 22077）のファイル MFER files.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    mfer: Vec<PathBuf>,
    /// 速さ（1 が実時間、0 は最速） Times as fast as it was recorded; 0: as fast as the node takes it.
    #[arg(long, value_name = "TIMES", default_value_t = 1.0, value_parser = speed)]
    speed: f64,
    /// 母の患者番号（記録が複数のときは記録の名前） The mother's number; where several are played, their names are the numbers.
    #[arg(long, value_name = "NUMBER", value_parser = |text: &str| PatientNumber::parse(text))]
    patient: Option<PatientNumber>,
    /// ベッドの名前（既定は記録の名前） The bed; the recording's name when not given.
    #[arg(long, value_name = "NAME")]
    bed: Option<String>,
    /// 装置の名前（既定は記録の名前） The device; the recording's name when not given.
    #[arg(long, value_name = "NAME")]
    device: Option<String>,
    /// モニタリングの番号（既定は記録の名前と始まりの時刻） The session; the recording's name and when it begins when not given.
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// 診療科コード The department.
    #[arg(long, value_name = "CODE", value_parser = |text: &str| DepartmentCode::parse(text))]
    department: Option<DepartmentCode>,
    /// 信号とチャネルの対応（例 `FHR=fhr1`、`2=uc`、使わない信号は `ECG=-`）
    /// Which channel a signal is, by its name or number (`FHR=fhr1`, `2=uc`); `ECG=-` leaves it out.
    #[arg(long = "channel", value_name = "SIGNAL=CHANNEL")]
    channels: Vec<Choice>,
    /// 1フレームの秒数 Seconds of a frame.
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0, value_parser = seconds)]
    frame_seconds: f64,
    /// 最初の標本の時刻（既定は再生の終わりが今になる時刻で、未来の標本はない）
    /// When the first sample was taken; when not given, such that the play's end is its present and nothing is of the future.
    #[arg(long, value_name = "TIME", value_parser = |text: &str| Moment::parse(text))]
    begin: Option<Moment>,
    /// 同時に再生する数（既定はすべて） How many are played at once; all when not given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    at_once: Option<u16>,
}

fn speed(text: &str) -> Result<f64, String> {
    let speed = text.parse().ok().filter(|speed: &f64| (0.0..=1e6).contains(speed));
    speed.ok_or_else(|| "a speed is a number from 0 to 1000000".to_owned())
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds: &f64| (0.1..=60.0).contains(seconds));
    seconds.ok_or_else(|| "a frame has 0.1 to 60 seconds".to_owned())
}

/// A recording that can be played.
struct Piece {
    name: String,
    bed: Bed,
    tracks: Vec<Track>,
}

/// How fast, in frames of how many seconds, and since when where that is said.
#[derive(Clone, Copy)]
struct Pace {
    speed: f64,
    seconds: f64,
    begin: Option<Moment>,
}

impl Pace {
    /// When the first sample of a recording that is played from `now` on was taken. What the play takes less than the recording
    /// took, it must have begun before, or samples would come from the future.
    fn begins(&self, length: i64, now: Moment) -> Moment {
        let ahead = if self.speed == 0.0 { 1.0 } else { (1.0 - 1.0 / self.speed).max(0.0) };
        self.begin.unwrap_or_else(|| now.plus_micros(-((length as f64 * ahead) as i64)))
    }

    /// Whether the samples come later than they were taken by intent.
    fn holds_back(&self) -> bool {
        self.begin.is_some() || self.speed != 1.0
    }
}

/// What became of a piece.
struct Played {
    name: String,
    session: String,
    seconds: i64,
    frames: u64,
    tally: Tally,
    reached: Frontier,
}

impl Playing {
    /// Whether there is anything to play.
    pub(super) fn is_asked(&self) -> bool {
        !self.wfdb.is_empty() || !self.mfer.is_empty()
    }

    /// Reads all recordings, then plays them; what cannot be read is said before anything is sent.
    pub(super) async fn run(self, source: FacilityId, connection: &Connection) -> anyhow::Result<ExitCode> {
        let pieces = self.pieces(&source)?;
        let client = connection.open().await?;
        let pace = Pace { speed: self.speed, seconds: self.frame_seconds, begin: self.begin };
        let begins = stated_at(None)?;
        let steps = pieces.iter().map(|piece| piece.bed.frames(&piece.tracks, begins, pace.seconds, false).steps());
        let bar = progress("再生中 playing", Some(steps.sum()));
        let limit = self.at_once.map_or(pieces.len(), usize::from);
        let mut waiting = pieces.into_iter();
        let mut playing = JoinSet::new();
        let mut played = Vec::new();
        loop {
            while playing.len() < limit
                && let Some(piece) = waiting.next()
            {
                playing.spawn(play(piece, client.clone(), bar.clone(), pace));
            }
            match playing.join_next().await {
                None => break,
                Some(ended) => played.push(ended??),
            }
        }
        bar.finish_and_clear();
        Ok(print(&played))
    }

    fn pieces(&self, source: &FacilityId) -> anyhow::Result<Vec<Piece>> {
        let mut recordings = Vec::new();
        for header in headers(&self.wfdb)? {
            recordings.push(read_wfdb(&header).with_context(|| name(&header))?);
        }
        for file in &self.mfer {
            let bytes = std::fs::read(file).with_context(|| name(file))?;
            let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            let recording = mfer::read(&bytes).map(|read| Recording { name: stem, ..read });
            recordings.push(recording.with_context(|| name(file))?);
        }
        let single = [self.bed.is_some(), self.device.is_some(), self.session.is_some(), self.patient.is_some()];
        ensure!(
            recordings.len() == 1 || !single.contains(&true),
            "--patient, --bed, --device and --session are of one recording; {} are named",
            recordings.len()
        );
        let alone = recordings.len() == 1;
        recordings.into_iter().map(|recording| self.piece(source, recording, alone)).collect()
    }

    fn piece(&self, source: &FacilityId, recording: Recording, alone: bool) -> anyhow::Result<Piece> {
        let named = recording.name.clone();
        let tracks = tracks(&recording, &self.channels).with_context(|| format!("`{named}`"))?;
        let number = match (&self.patient, &recording.patient) {
            (Some(said), Some(own)) if said.as_str() != own => {
                bail!("`{named}` is of another patient than --patient says: play it as its own, or check the file")
            }
            (Some(said), _) => said.clone(),
            (None, Some(own)) => PatientNumber::parse(own).with_context(|| format!("the patient of `{named}`"))?,
            (None, None) if alone => bail!("say whose recording it is: --patient"),
            (None, None) => PatientNumber::parse(&named).with_context(|| format!("`{named}` as a patient number"))?,
        };
        let fetuses = ["第1児", "第2児", "第3児"];
        let carried = |at: usize| {
            tracks.iter().any(|track| track.channel == model::WaveformChannel::FetalHeartRate(at as u8 + 1))
        };
        let most = (0..fetuses.len()).rev().find(|at| carried(*at)).map_or(0, |at| at + 1);
        let bed = Bed {
            patient: PatientRef::new(source.clone(), number),
            session: self.session.clone().unwrap_or_default(),
            bed: self.bed.clone().unwrap_or_else(|| named.clone()),
            device: self.device.clone().unwrap_or_else(|| named.clone()),
            department: self.department.clone(),
            fetuses: fetuses.into_iter().take(most).map(str::to_owned).collect(),
        };
        Ok(Piece { name: named, bed, tracks })
    }
}

/// The headers named, with those of directories in order of name.
fn headers(named: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let is_header = |path: &Path| path.extension().is_some_and(|extension| extension == "hea");
    let mut headers = Vec::new();
    for path in named {
        if path.is_dir() {
            let entries = std::fs::read_dir(path).with_context(|| name(path))?;
            let mut inside: Vec<PathBuf> =
                entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
            inside.retain(|path| is_header(path));
            ensure!(!inside.is_empty(), "{} holds no header (.hea)", path.display());
            inside.sort();
            headers.extend(inside);
        } else {
            // A record may be named without its extension, as PhysioNet's tools do.
            headers.push(if is_header(path) { path.clone() } else { path.with_extension("hea") });
        }
    }
    Ok(headers)
}

fn read_wfdb(path: &Path) -> anyhow::Result<Recording> {
    let header = wfdb::Header::parse(&std::fs::read(path)?)?;
    let mut files = BTreeMap::new();
    for file in header.files() {
        let beside = path.with_file_name(file);
        files.insert(file.to_owned(), std::fs::read(&beside).with_context(|| name(&beside))?);
    }
    Ok(header.read(&files)?)
}

/// Opens the bed, sends its frames when they would have come, and closes it, also when it is interrupted.
async fn play(piece: Piece, client: Client, bar: ProgressBar, pace: Pace) -> anyhow::Result<Played> {
    let Piece { name, mut bed, tracks } = piece;
    let now = stated_at(None)?;
    let length = bed.frames(&tracks, now, pace.seconds, false).length();
    let begins = pace.begins(length, now);
    if bed.session.is_empty() {
        bed.session = format!("{name}-{}", begins.micros() / 1000);
    }
    let tally = Arc::new(Mutex::new(Tally::default()));
    let counted = tally.clone();
    let mut publisher = Publisher::open(&client, move |_, answer| {
        counted.lock().unwrap_or_else(PoisonError::into_inner).count(answer);
    });
    publisher.send(&bed.opened(begins)?).await?;
    let start = Instant::now();
    let frames = bed.frames(&tracks, begins, pace.seconds, pace.holds_back());
    let (mut sent, mut ended, mut closing) = (0, begins, "end of recording");
    for frame in frames {
        let (there, event) = frame?;
        if pace.speed > 0.0 {
            let after = there.since(begins).max(0).unsigned_abs() as f64 / 1e6 / pace.speed;
            let due = sleep_until(start + Duration::from_secs_f64(after));
            let interrupted = tokio::select! {
                () = due => false,
                _ = tokio::signal::ctrl_c() => true,
            };
            if interrupted {
                closing = "interrupted";
                break;
            }
        }
        publisher.send(&event).await?;
        (sent, ended) = (sent + 1, there);
        bar.inc(1);
    }
    publisher.send(&bed.closed(begins, ended, closing)?).await?;
    let reached = publisher.finish().await?;
    let tally = std::mem::take(&mut *tally.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(Played { name, session: bed.session, seconds: length / 1_000_000, frames: sent, tally, reached })
}

fn print(played: &[Played]) -> ExitCode {
    let mut table = table(&[
        "記録 recording",
        "モニタリング session",
        "長さ length",
        "フレーム frames",
        "受理 accepted",
        "重複 duplicate",
        "拒否 refused",
        "理由 why",
    ]);
    let mut refused = 0;
    let mut reached = Frontier::start();
    for one in played {
        let Played { name, session, seconds, frames, tally, reached: own } = one;
        let why: Vec<String> = tally.refused.iter().map(|(why, count)| format!("{count} × {why}")).collect();
        table.add_row([
            name.clone(),
            session.clone(),
            format!("{}:{:02}", seconds / 60, seconds % 60),
            frames.to_string(),
            tally.accepted.to_string(),
            tally.duplicate.to_string(),
            tally.refusals().to_string(),
            why.join("\n"),
        ]);
        refused += tally.refusals();
        own.iter().for_each(|(partition, next)| reached.advance(partition, next));
    }
    say(table.to_string());
    say(format!("到達位置 log position {}", query::frontier_text(&reached)));
    if refused == 0 { ExitCode::SUCCESS } else { ExitCode::from(3) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_played_is_of_the_future_and_its_end_is_the_present() {
        let now = Moment::parse("2026-04-01").unwrap();
        let hour = 3_600_000_000;
        let pace = |speed, begin| Pace { speed, seconds: 1.0, begin };
        for speed in [0.0, 0.5, 1.0, 3.0, 60.0] {
            let pace = pace(speed, None);
            let begins = pace.begins(hour, now);
            let takes = if speed == 0.0 { 0.0 } else { hour as f64 / speed };
            let over = now.plus_micros(takes as i64);
            let last = begins.plus_micros(hour);
            assert!(last <= over && (speed < 1.0 && speed > 0.0 || over.since(last) <= 1), "{speed}");
            assert_eq!(pace.holds_back(), speed != 1.0);
        }
        let told = pace(1.0, Some(now.plus_micros(-hour)));
        assert!(told.holds_back() && told.begins(hour, now) == now.plus_micros(-hour));
    }

    #[test]
    fn headers_are_named_by_file_by_directory_or_without_their_extension() {
        let place = tempfile::tempdir().unwrap();
        for file in ["b.hea", "a.hea", "a.dat"] {
            std::fs::write(place.path().join(file), "").unwrap();
        }
        let file = |name: &str| place.path().join(name);
        assert_eq!(headers(&[place.path().to_owned()]).unwrap(), [file("a.hea"), file("b.hea")]);
        assert_eq!(headers(&[file("b"), file("a.hea")]).unwrap(), [file("b.hea"), file("a.hea")]);
        let empty = tempfile::tempdir().unwrap();
        assert!(headers(&[empty.path().to_owned()]).unwrap_err().to_string().contains("holds no header"));
    }
}
