//! Files to resources, one at a time.

use super::{Reason, Refusal};
use flate2::bufread::MultiGzDecoder;
use serde_json::Value;
use std::collections::HashMap;
use std::fmt;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;
use std::sync::Arc;

/// The longest line, and the largest document, that is read into memory.
pub const MAX_DOCUMENT_BYTES: usize = 64 << 20;

/// Where a resource stands in its file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Place {
    /// The line, from 1; 1 for a document that is the whole file.
    pub line: u64,
    /// The index in `Bundle.entry`, from 0, when the resource is in a Bundle.
    pub entry: Option<usize>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.entry {
            None => write!(f, "line {}", self.line),
            Some(entry) => write!(f, "line {}, entry {entry}", self.line),
        }
    }
}

/// One resource and where it was found. `Debug` shows the place and no content.
#[derive(Clone)]
pub struct Resource {
    place: Place,
    body: BodyOf,
}

#[derive(Clone)]
enum BodyOf {
    Alone(Arc<Value>),
    Entry(Arc<Bundle>, usize),
}

impl Resource {
    /// A resource that stands alone.
    pub fn alone(json: Value) -> Self {
        Self { place: Place { line: 1, entry: None }, body: BodyOf::Alone(Arc::new(json)) }
    }
    /// Where it stands in its file.
    pub fn place(&self) -> Place {
        self.place
    }
    /// The resource itself.
    pub fn json(&self) -> &Value {
        match &self.body {
            BodyOf::Alone(json) => json,
            BodyOf::Entry(bundle, index) => bundle.resource(*index).unwrap_or(&Value::Null),
        }
    }
    /// Its `resourceType`, or the empty text.
    pub fn resource_type(&self) -> &str {
        self.json().get("resourceType").and_then(Value::as_str).unwrap_or_default()
    }
    pub(super) fn bundle(&self) -> Option<&Bundle> {
        match &self.body {
            BodyOf::Alone(_) => None,
            BodyOf::Entry(bundle, _) => Some(bundle),
        }
    }
    /// The `fullUrl` of its entry.
    pub(super) fn full_url(&self) -> Option<&str> {
        match &self.body {
            BodyOf::Alone(_) => None,
            BodyOf::Entry(bundle, index) => bundle.entry(*index)?.get("fullUrl")?.as_str(),
        }
    }
}

impl Resource {
    /// Whether its entry stands in the Bundle for another's sake (`search.mode` `include`).
    pub(super) fn is_included(&self) -> bool {
        let mode = match &self.body {
            BodyOf::Alone(_) => None,
            BodyOf::Entry(bundle, index) => bundle.entry(*index).and_then(|entry| entry.pointer("/search/mode")),
        };
        mode.and_then(Value::as_str) == Some("include")
    }
}

impl fmt::Debug for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Resource({})", self.place)
    }
}

/// A Bundle and where its references lead.
pub(super) struct Bundle {
    json: Value,
    by_url: HashMap<String, usize>,
}

impl Bundle {
    fn new(json: Value) -> Self {
        let mut by_url = HashMap::new();
        let entries = json.get("entry").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for (index, entry) in entries.iter().enumerate() {
            let Some(resource) = entry.get("resource") else { continue };
            // The first of several stays: in a history it is the newest.
            if let Some(url) = entry.get("fullUrl").and_then(Value::as_str) {
                by_url.entry(url.to_owned()).or_insert(index);
            }
            if let (Some(kind), Some(id)) =
                (resource.get("resourceType").and_then(Value::as_str), resource.get("id").and_then(Value::as_str))
            {
                by_url.entry(format!("{kind}/{id}")).or_insert(index);
            }
        }
        Self { json, by_url }
    }
    fn entry(&self, index: usize) -> Option<&Value> {
        self.json.get("entry")?.get(index)
    }
    fn resource(&self, index: usize) -> Option<&Value> {
        self.entry(index)?.get("resource")
    }
    /// The Bundle's own elements.
    pub(super) fn json(&self) -> &Value {
        &self.json
    }
    /// The resource that `reference` names: by `fullUrl` or by `Type/id`.
    pub(super) fn find(&self, reference: &str) -> Option<&Value> {
        self.by_url.get(reference).and_then(|index| self.resource(*index))
    }
    /// The `fullUrl` of the entry that holds this resource itself.
    pub(super) fn url_of(&self, resource: &Value) -> Option<&str> {
        let entries = self.json.get("entry")?.as_array()?;
        let holds = |entry: &&Value| entry.get("resource").is_some_and(|inner| std::ptr::eq(inner, resource));
        entries.iter().find(holds)?.get("fullUrl")?.as_str()
    }
    /// All resources of one type.
    pub(super) fn of_type<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        let entries = self.json.get("entry").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        entries
            .iter()
            .filter_map(|entry| entry.get("resource"))
            .filter(move |resource| resource.get("resourceType").and_then(Value::as_str) == Some(kind))
    }
    /// The Composition of a document Bundle: by FHIR its first entry, and all of the Bundle speaks of its subject.
    pub(super) fn composition(&self) -> Option<&Value> {
        if self.json.get("type")?.as_str()? != "document" {
            return None;
        }
        self.of_type("Composition").next()
    }
}

/// Opens a file of FHIR resources: NDJSON, a Bundle or a single resource, plain or gzip.
///
/// # Errors
/// When the file cannot be opened or its first bytes cannot be read.
pub fn open(path: &Path) -> io::Result<Reader<Box<dyn BufRead + Send>>> {
    let mut file = BufReader::with_capacity(1 << 16, std::fs::File::open(path)?);
    let gzip = file.fill_buf()?.starts_with(&[0x1f, 0x8b]);
    let input: Box<dyn BufRead + Send> =
        if gzip { Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(file))) } else { Box::new(file) };
    Ok(read(input))
}

/// Reads resources from uncompressed bytes; a slice of bytes serves too.
pub fn read<R: BufRead>(input: R) -> Reader<R> {
    Reader {
        input: Some(input),
        replay: Cursor::new(Vec::new()),
        line: 0,
        started: false,
        limit: MAX_DOCUMENT_BYTES,
        open: None,
    }
}

/// The resources of a file, one by one; holds one line or one document in memory.
///
/// A refused line does not end the file: what follows is still read.
pub struct Reader<R> {
    input: Option<R>,
    /// Lines of a file that was first taken for one document.
    replay: Cursor<Vec<u8>>,
    line: u64,
    started: bool,
    limit: usize,
    /// A Bundle being walked, and its next entry.
    open: Option<(Arc<Bundle>, usize)>,
}

impl<R> fmt::Debug for Reader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reader(line {})", self.line)
    }
}

enum Line {
    Text(Vec<u8>),
    TooLong,
    End,
    Broken,
}

fn take_line(input: &mut impl BufRead, limit: usize) -> Line {
    let mut text = Vec::new();
    match input.by_ref().take(limit as u64 + 1).read_until(b'\n', &mut text) {
        Err(_) => Line::Broken,
        Ok(0) => Line::End,
        Ok(read) if read > limit && !text.ends_with(b"\n") => match input.skip_until(b'\n') {
            Ok(_) => Line::TooLong,
            Err(_) => Line::Broken,
        },
        Ok(_) => Line::Text(text),
    }
}

const WHOLE: &str = "$";
const NOT_JSON: &str = "a line of NDJSON, or the whole file, is one JSON document";
const TOO_LARGE: &str = "a document is at most 64 MiB; write one resource to a line (NDJSON)";

impl<R: BufRead> Reader<R> {
    #[cfg(test)]
    pub(super) fn with_limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    fn refuse(&self, reason: Reason, rule: &'static str) -> Refusal {
        Refusal::new(reason, "", Place { line: self.line.max(1), entry: None }, WHOLE, rule)
    }

    fn next_line(&mut self) -> Line {
        if (self.replay.position() as usize) < self.replay.get_ref().len() {
            return take_line(&mut self.replay, self.limit);
        }
        match &mut self.input {
            None => Line::End,
            Some(input) => take_line(input, self.limit),
        }
    }

    /// The next JSON document: a line, or at the start of the file perhaps all of it.
    fn next_document(&mut self) -> Option<Result<Value, Refusal>> {
        loop {
            let line = self.next_line();
            self.line += 1;
            let text = match line {
                Line::End => return None,
                Line::Broken => {
                    self.input = None;
                    self.replay = Cursor::new(Vec::new());
                    return Some(Err(self.refuse(Reason::UnreadableFile, "the file is readable to its end")));
                }
                Line::TooLong => {
                    self.started = true;
                    return Some(Err(self.refuse(Reason::TooLarge, TOO_LARGE)));
                }
                Line::Text(text) => text,
            };
            let bytes = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
            if bytes.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let first = !std::mem::replace(&mut self.started, true);
            match serde_json::from_slice(bytes) {
                Ok(json) => return Some(Ok(json)),
                // A line that ends in the middle of a value: a document over many lines, if the file begins with it.
                Err(error) if first && error.is_eof() => return Some(self.whole(bytes.to_vec())),
                Err(_) => return Some(Err(self.refuse(Reason::UnreadableJson, NOT_JSON))),
            }
        }
    }

    /// The file as one document; if it is none, but has lines that are resources, it is NDJSON with a broken first line.
    fn whole(&mut self, mut text: Vec<u8>) -> Result<Value, Refusal> {
        let room = self.limit.saturating_sub(text.len()) as u64 + 1;
        if let Some(input) = &mut self.input
            && input.by_ref().take(room).read_to_end(&mut text).is_err()
        {
            self.input = None;
            return Err(self.refuse(Reason::UnreadableFile, "the file is readable to its end"));
        }
        let complete = text.len() <= self.limit;
        if complete && let Ok(json) = serde_json::from_slice(&text) {
            self.input = None;
            return Ok(json);
        }
        let rest = text.iter().position(|b| *b == b'\n').map_or(text.len(), |at| at + 1);
        let lines = text.get(rest..).unwrap_or_default();
        let is_ndjson = lines
            .split(|b| *b == b'\n')
            .any(|line| serde_json::from_slice::<Value>(line).is_ok_and(|json| json.get("resourceType").is_some()));
        if is_ndjson && complete {
            self.replay = Cursor::new(lines.to_vec());
            return Err(self.refuse(Reason::UnreadableJson, NOT_JSON));
        }
        self.input = None;
        Err(if complete {
            self.refuse(Reason::UnreadableJson, NOT_JSON)
        } else {
            self.refuse(Reason::TooLarge, TOO_LARGE)
        })
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Resource, Refusal>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((bundle, index)) = self.open.take() {
                if let Some(entry) = bundle.entry(index) {
                    let place = Place { line: self.line, entry: Some(index) };
                    let found = if entry.get("resource").is_some_and(Value::is_object) {
                        Ok(Resource { place, body: BodyOf::Entry(Arc::clone(&bundle), index) })
                    } else {
                        const RULE: &str =
                            "an entry carries a resource; take a record back with the status `entered-in-error`";
                        Err(Refusal::new(
                            Reason::EntryWithoutResource,
                            "Bundle",
                            place,
                            format!("$.entry[{index}].resource"),
                            RULE,
                        ))
                    };
                    self.open = Some((bundle, index + 1));
                    return Some(found);
                }
                continue;
            }
            let json = match self.next_document()? {
                Err(refusal) => return Some(Err(refusal)),
                Ok(json) => json,
            };
            match json.get("resourceType").and_then(Value::as_str) {
                None => {
                    return Some(Err(
                        self.refuse(Reason::NotAResource, "a resource is an object with a `resourceType`")
                    ));
                }
                Some("Bundle") => self.open = Some((Arc::new(Bundle::new(json)), 0)),
                Some(_) => {
                    let place = Place { line: self.line, entry: None };
                    return Some(Ok(Resource { place, body: BodyOf::Alone(Arc::new(json)) }));
                }
            }
        }
    }
}
