//! The trace a letter travels in, as the W3C Trace Context recommendation writes it.

/// Why a text is not a trace context.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TraceContextError {
    /// `traceparent` is not `version-traceid-parentid-flags`.
    #[error(
        "`traceparent` is not four lowercase hexadecimal fields such as `00-<32>-<16>-01` with ids other than zero"
    )]
    Parent,
    /// `tracestate` is too long or holds something other than printable ASCII.
    #[error("`tracestate` is longer than {limit} bytes or holds something other than printable ASCII; leave it out")]
    State {
        /// The most bytes allowed.
        limit: usize,
    },
}

/// A W3C `traceparent`, with its `tracestate` if there is one.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct TraceContext {
    parent: Box<str>,
    state: Option<Box<str>>,
}

impl TraceContext {
    const STATE_LIMIT: usize = 512;

    /// Parses the two headers. An empty `tracestate` counts as absent.
    ///
    /// # Errors
    /// When one of them is not what the recommendation allows.
    pub fn parse(traceparent: &str, tracestate: Option<&str>) -> Result<Self, TraceContextError> {
        let fields: Vec<&str> = traceparent.split('-').collect();
        let [version, trace, parent, flags] = fields.as_slice() else { return Err(TraceContextError::Parent) };
        let well_formed =
            is_hex(version, 2) && *version != "ff" && is_id(trace, 32) && is_id(parent, 16) && is_hex(flags, 2);
        if !well_formed {
            return Err(TraceContextError::Parent);
        }
        let state = tracestate.filter(|state| !state.is_empty());
        if state
            .is_some_and(|state| state.len() > Self::STATE_LIMIT || !state.bytes().all(|b| (b' '..=b'~').contains(&b)))
        {
            return Err(TraceContextError::State { limit: Self::STATE_LIMIT });
        }
        Ok(Self { parent: traceparent.into(), state: state.map(Into::into) })
    }
    /// The `traceparent` header.
    pub fn traceparent(&self) -> &str {
        &self.parent
    }
    /// The `tracestate` header.
    pub fn tracestate(&self) -> Option<&str> {
        self.state.as_deref()
    }
    /// Bytes of both headers.
    pub(crate) fn size(&self) -> usize {
        self.parent.len() + self.state.as_ref().map_or(0, |state| state.len())
    }
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_id(text: &str, length: usize) -> bool {
    is_hex(text, length) && text.bytes().any(|b| b != b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_context_keeps_both_headers() {
        let context = TraceContext::parse(PARENT, Some("vendor=1")).unwrap();
        assert_eq!((context.traceparent(), context.tracestate()), (PARENT, Some("vendor=1")));
        assert_eq!(TraceContext::parse(PARENT, Some("")).unwrap().tracestate(), None);
    }

    #[test]
    fn what_the_recommendation_forbids_is_refused() {
        for parent in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        ] {
            assert_eq!(TraceContext::parse(parent, None), Err(TraceContextError::Parent), "{parent}");
        }
        let refused = Err(TraceContextError::State { limit: 512 });
        assert_eq!(TraceContext::parse(PARENT, Some("a\nb")), refused);
        assert_eq!(TraceContext::parse(PARENT, Some(&"a".repeat(513))), refused);
    }
}
