//! Acknowledgements, in the original and in the enhanced mode.

use crate::{Charset, Fault, Message, Options, Syntax, Ts, Writer, charset};
use std::borrow::Cow;

/// What an acknowledgement says (HL7 table 0008).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AckCode {
    /// `AA`: done.
    Accept,
    /// `AE`: the message is wrong; do not send it again as it is.
    Error,
    /// `AR`: not taken, for a reason outside its content; it may be sent again.
    Reject,
    /// `CA`: kept, the answer follows.
    CommitAccept,
    /// `CE`: not kept, because it is wrong.
    CommitError,
    /// `CR`: not kept, for a reason outside its content.
    CommitReject,
}

impl AckCode {
    /// The code of table 0008.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Accept => "AA",
            Self::Error => "AE",
            Self::Reject => "AR",
            Self::CommitAccept => "CA",
            Self::CommitError => "CE",
            Self::CommitReject => "CR",
        }
    }
    /// Whether the message was taken.
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Accept | Self::CommitAccept)
    }
    /// The same answer at the level of the commit.
    #[must_use]
    pub const fn commit(self) -> Self {
        match self {
            Self::Accept | Self::CommitAccept => Self::CommitAccept,
            Self::Error | Self::CommitError => Self::CommitError,
            Self::Reject | Self::CommitReject => Self::CommitReject,
        }
    }
}

/// When a sender wants an acknowledgement (HL7 table 0155).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Condition {
    /// `AL`
    Always,
    /// `NE`
    Never,
    /// `ER`
    Error,
    /// `SU`
    Success,
}

impl Condition {
    /// From `MSH-15` or `MSH-16`; `None` when nothing or nothing known is stated.
    pub fn of(code: &str) -> Option<Self> {
        Some(match code.trim() {
            "AL" => Self::Always,
            "NE" => Self::Never,
            "ER" => Self::Error,
            "SU" => Self::Success,
            _ => return None,
        })
    }
    /// Whether an answer is wanted.
    pub const fn wants(self, success: bool) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Error => !success,
            Self::Success => success,
        }
    }
}

/// Which answers a sender waits for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Mode {
    /// Neither `MSH-15` nor `MSH-16` is stated: one application acknowledgement, always.
    Original,
    /// One of them is: a commit and an application acknowledgement, each on its condition. What is not stated is `NE`.
    Enhanced {
        /// `MSH-15`.
        accept: Condition,
        /// `MSH-16`.
        application: Condition,
    },
}

/// What an acknowledgement needs of the message it answers, also of one that could not be read further.
#[derive(Clone, PartialEq, Eq)]
pub struct Envelope {
    syntax: Syntax,
    /// `MSH-3` to `MSH-6`, as written.
    sending_application: String,
    sending_facility: String,
    receiving_application: String,
    receiving_facility: String,
    trigger: String,
    control_id: String,
    processing_id: String,
    version: String,
    mode: Mode,
    charset: String,
}

impl std::fmt::Debug for Envelope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { trigger, version, mode, .. } = self;
        f.debug_struct("Envelope")
            .field("trigger", trigger)
            .field("version", version)
            .field("mode", mode)
            .finish_non_exhaustive()
    }
}

impl Envelope {
    /// Of a message.
    pub fn of(message: &Message<'_>) -> Self {
        let header = message.header();
        let raw = |field: u16| header.field(field).raw().to_owned();
        let condition = |field: u16| Condition::of(&header.field(field).text());
        let mode = match (condition(15), condition(16)) {
            (None, None) => Mode::Original,
            (accept, application) => Mode::Enhanced {
                accept: accept.unwrap_or(Condition::Never),
                application: application.unwrap_or(Condition::Never),
            },
        };
        Self {
            syntax: *message.syntax(),
            sending_application: raw(3),
            sending_facility: raw(4),
            receiving_application: raw(5),
            receiving_facility: raw(6),
            trigger: header.field(9).component(2).text().into_owned(),
            control_id: raw(10),
            processing_id: raw(11),
            version: header.field(12).component(1).text().into_owned(),
            mode,
            // One that is no name would make the answer as unreadable as what it answers.
            charset: Some(raw(18)).filter(|names| Charset::are_names(names, message.syntax())).unwrap_or_default(),
        }
    }

    /// As much of it as can be made out of bytes that are no message. Never fails: the answer must go out.
    pub fn sniff(bytes: &[u8]) -> Self {
        let start = memchr::memmem::find(bytes, b"MSH").unwrap_or(bytes.len());
        let bytes = bytes.get(start..).unwrap_or_default();
        let end = memchr::memchr2(b'\r', b'\n', bytes).unwrap_or(bytes.len());
        let line = bytes.get(..end).unwrap_or_default();
        if let Ok(message) = Message::parse(line, &Options { charset: Some(Charset::Utf8), ..Options::default() }) {
            return Self::of(&message);
        }
        // The set it names is the fault, perhaps: the ASCII in it can be read still.
        let text: String = charset::Charset::Iso8859(1).decode(line).0.into_owned();
        let without: String = match Syntax::of_header(&text, Charset::Ascii) {
            Ok(syntax) => {
                let field = char::from(syntax.field);
                text.split(field).take(17).map(str::to_owned).collect::<Vec<_>>().join(&field.to_string())
            }
            Err(_) => String::new(),
        };
        let ascii: String = without.chars().filter(char::is_ascii).collect();
        match Message::parse(ascii.as_bytes(), &Options::default()) {
            Ok(message) => Self::of(&message),
            Err(_) => Self::unknown(),
        }
    }

    fn unknown() -> Self {
        let nothing = String::new;
        Self {
            syntax: Syntax { charset: Charset::Ascii, ..Syntax::default() },
            sending_application: nothing(),
            sending_facility: nothing(),
            receiving_application: nothing(),
            receiving_facility: nothing(),
            trigger: nothing(),
            control_id: nothing(),
            processing_id: nothing(),
            version: nothing(),
            mode: Mode::Original,
            charset: nothing(),
        }
    }

    /// Which answers the sender waits for.
    pub fn mode(&self) -> Mode {
        self.mode
    }
    /// `MSH-10`, as written. It may be anything a sender thought of.
    pub fn control_id(&self) -> &str {
        &self.control_id
    }
    /// Whether `MSH-12` is at least this version; without one it is taken for the newest.
    fn at_least(&self, wanted: (u32, u32)) -> bool {
        let mut numbers = self.version.split('.').map(|number| number.parse().unwrap_or(0));
        match (numbers.next(), numbers.next()) {
            (Some(major), minor) if major > 0 => (major, minor.unwrap_or(0)) >= wanted,
            _ => true,
        }
    }
}

/// An acknowledgement.
///
/// ```
/// use hl7v2::{Ack, AckCode, Envelope, Message, Options, Ts};
/// let bytes = b"MSH|^~\\&|LAB|HOSP|AJISAI|REGION|20260401||ORU^R01|7|P|2.5";
/// let envelope = Envelope::of(&Message::parse(bytes, &Options::default())?);
/// let written = Ts::parse("20260401093000+0900").ok_or("no time")?;
/// let answer = Ack::new(AckCode::Accept).write(&envelope, "1", written);
/// assert_eq!(answer, b"MSH|^~\\&|AJISAI|REGION|LAB|HOSP|20260401093000+0900||ACK^R01^ACK|1|P|2.5\rMSA|AA|7\r");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ack {
    code: AckCode,
    faults: Vec<Fault>,
}

impl Ack {
    /// An acknowledgement without errors.
    pub fn new(code: AckCode) -> Self {
        Self { code, faults: Vec::new() }
    }
    /// With what is wrong: one `ERR` segment each.
    #[must_use]
    pub fn with(mut self, faults: impl IntoIterator<Item = Fault>) -> Self {
        self.faults.extend(faults);
        self
    }
    /// What it says.
    pub fn code(&self) -> AckCode {
        self.code
    }
    /// What is wrong.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Writes it in the answered message's delimiters, version and character set, to the one who sent that. `control_id` is
    /// the acknowledgement's own, `written` the moment it is written.
    pub fn write(&self, to: &Envelope, control_id: &str, written: Ts) -> Vec<u8> {
        let syntax = to.syntax;
        let mut writer = Writer::new(syntax);
        let sign = char::from(if syntax.component == 0 { b'^' } else { syntax.component });
        let kind = match (to.trigger.as_str(), to.at_least((2, 4))) {
            ("", _) => "ACK".to_owned(),
            (trigger, false) => format!("ACK{sign}{trigger}"),
            (trigger, true) => format!("ACK{sign}{trigger}{sign}ACK"),
        };
        let or = |text: &str, otherwise: &'static str| -> Cow<'_, str> {
            if text.is_empty() { Cow::Borrowed(otherwise) } else { Cow::Owned(text.to_owned()) }
        };
        writer
            .header("MSH")
            .raw(&to.receiving_application)
            .raw(&to.receiving_facility)
            .raw(&to.sending_application)
            .raw(&to.sending_facility)
            .raw(&written.to_string())
            .skip(1)
            .raw(&kind)
            .text(control_id)
            .raw(&or(&to.processing_id, "P"))
            .raw(&or(&to.version, "2.5"));
        if !to.charset.is_empty() {
            writer.skip(5).raw(&to.charset);
        }
        writer.segment("MSA").raw(self.code.code()).raw(&to.control_id);
        if let Some(first) = self.faults.first().filter(|_| !to.at_least((2, 5)) && !self.code.is_success()) {
            writer.text(&first.to_string());
        }
        // Before 2.5 an `ERR` cannot say that it only informs.
        let silent = self.code.is_success() && !to.at_least((2, 5));
        for fault in self.faults.iter().filter(|_| !silent) {
            let (place, code) = (fault.location, fault.code);
            let number = code.number().to_string();
            if to.at_least((2, 5)) {
                let place = place.to_string().replace('^', &sign.to_string());
                let severity = if self.code.is_success() { "I" } else { "E" };
                writer
                    .segment("ERR")
                    .skip(1)
                    .raw(&place)
                    .field(&[&[&number, code.text(), "HL70357"]])
                    .raw(severity)
                    .skip(3)
                    .text(&fault.rule);
            } else {
                // Before 2.5 the place and the code share one field, and the code's parts are subcomponents.
                let part = char::from(if syntax.subcomponent == 0 { b'&' } else { syntax.subcomponent });
                let number_of = |level: u32| if level == 0 { String::new() } else { level.to_string() };
                let place =
                    [place.segment.as_str().to_owned(), number_of(place.sequence), number_of(place.field.into())];
                let code = format!("{number}{part}{}{part}HL70357", code.text());
                writer.segment("ERR").raw(&format!("{}{sign}{code}", place.join(&sign.to_string())));
            }
        }
        syntax.charset.encode(&writer.finish())
    }
}

#[cfg(test)]
mod tests;
