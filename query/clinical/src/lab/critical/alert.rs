//! The way of one critical value: detected, notified, acknowledged, acted; and what is overdue at a moment.

use model::Moment;

/// Something that happened to a critical value.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct AlertEvent {
    /// When it happened.
    pub at: Moment,
    /// What happened.
    pub step: AlertStep,
}

/// What happened. Persons are named by the ids the caller knows them by.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum AlertStep {
    /// A result was found to be critical.
    Detected,
    /// Somebody was told.
    Notified {
        /// Who was told.
        whom: String,
    },
    /// Somebody said that they know.
    Acknowledged {
        /// Who.
        by: String,
    },
    /// Something was done about it, and it is in the chart.
    Acted {
        /// Who did it.
        by: String,
    },
    /// The result turned out to be another (corrected, cancelled, another patient's): nothing is due any more.
    Withdrawn,
}

/// How far it has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum AlertState {
    /// Found; nobody was told yet.
    Detected,
    /// Somebody was told.
    Notified,
    /// Somebody knows.
    Acknowledged,
    /// Something was done.
    Acted,
    /// The result did not stand.
    Withdrawn,
}

impl AlertState {
    /// A short name for a column.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Detected => "detected",
            Self::Notified => "notified",
            Self::Acknowledged => "acknowledged",
            Self::Acted => "acted",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// How long each step may take before somebody else is told.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct EscalationPolicy {
    /// Minutes until what was not acknowledged escalates, and again after each further such time.
    pub acknowledge_minutes: u32,
    /// Minutes after the acknowledgement until what was not acted on escalates, and again.
    pub act_minutes: u32,
}

impl Default for EscalationPolicy {
    /// 60 minutes each, as hospitals practise it (wic-net 23228/58, jamt 74-2; certainty A for the acknowledgement;
    /// the same for the action is a choice).
    fn default() -> Self {
        Self { acknowledge_minutes: 60, act_minutes: 60 }
    }
}

/// What is overdue at a moment.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Escalation {
    /// Since when.
    pub due: Moment,
    /// How often the time has run out since the last step: 1 is the first escalation.
    pub level: u32,
}

/// One critical value: the fold of its events.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Alert {
    detected: Moment,
    state: AlertState,
    last_notified: Option<Moment>,
    acknowledged: Option<(Moment, String)>,
    acted: Option<(Moment, String)>,
    told: Vec<(Moment, String)>,
}

const MINUTE: i64 = 60_000_000;

impl Alert {
    /// The state at a moment: the events until then, in any order of arrival, each once or several times. `None` where
    /// nothing was detected by then.
    ///
    /// An acknowledgement or an action without a notification counts: somebody who acts knows. A value detected again
    /// after it was withdrawn begins anew.
    pub fn at(events: &[AlertEvent], moment: Moment) -> Option<Self> {
        let mut events: Vec<&AlertEvent> = events.iter().filter(|event| event.at <= moment).collect();
        events.sort_unstable();
        events.dedup();
        events.into_iter().fold(None, |alert: Option<Self>, event| match alert {
            None => (event.step == AlertStep::Detected).then(|| Self::detected(event.at)),
            Some(alert) if alert.state == AlertState::Withdrawn && event.step == AlertStep::Detected => {
                Some(Self::detected(event.at))
            }
            Some(alert) => Some(alert.after(event)),
        })
    }

    fn detected(at: Moment) -> Self {
        let state = AlertState::Detected;
        Self { detected: at, state, last_notified: None, acknowledged: None, acted: None, told: Vec::new() }
    }

    fn after(mut self, event: &AlertEvent) -> Self {
        // of a result that did not stand nothing more is expected, but who was told stays known
        if self.state == AlertState::Withdrawn {
            return self;
        }
        let at = event.at;
        match &event.step {
            AlertStep::Detected => {}
            AlertStep::Notified { whom } => {
                self.last_notified = Some(at);
                self.told.push((at, whom.clone()));
                self.state = self.state.max(AlertState::Notified);
            }
            AlertStep::Acknowledged { by } => {
                self.acknowledged.get_or_insert_with(|| (at, by.clone()));
                self.state = self.state.max(AlertState::Acknowledged);
            }
            AlertStep::Acted { by } => {
                self.acted.get_or_insert_with(|| (at, by.clone()));
                self.state = self.state.max(AlertState::Acted);
            }
            AlertStep::Withdrawn => self.state = AlertState::Withdrawn,
        }
        self
    }

    /// How far it has come.
    pub fn state(&self) -> AlertState {
        self.state
    }
    /// When it was found.
    pub fn detected_at(&self) -> Moment {
        self.detected
    }
    /// Who was told, and when, in order. When a value is withdrawn, these are told that too.
    pub fn told(&self) -> &[(Moment, String)] {
        &self.told
    }
    /// Who acknowledged it first, and when.
    pub fn acknowledged(&self) -> Option<(Moment, &str)> {
        self.acknowledged.as_ref().map(|(at, by)| (*at, by.as_str()))
    }
    /// Who acted first, and when.
    pub fn acted(&self) -> Option<(Moment, &str)> {
        self.acted.as_ref().map(|(at, by)| (*at, by.as_str()))
    }

    /// Since when the present step runs, and how long it may take; `None` when nothing is due any more. Until it is
    /// acknowledged the time runs from the detection, and from each notification again; then from the acknowledgement.
    fn running(&self, policy: EscalationPolicy) -> Option<(Moment, i64)> {
        let (since, minutes) = match self.state {
            AlertState::Detected => (self.detected, policy.acknowledge_minutes),
            AlertState::Notified => (self.last_notified.unwrap_or(self.detected), policy.acknowledge_minutes),
            AlertState::Acknowledged => (self.acknowledged.as_ref().map(|(at, _)| *at)?, policy.act_minutes),
            AlertState::Acted | AlertState::Withdrawn => return None,
        };
        // a time of nothing would be overdue without end
        Some((since, i64::from(minutes.max(1)) * MINUTE))
    }

    /// What is overdue at a moment.
    pub fn escalation(&self, policy: EscalationPolicy, moment: Moment) -> Option<Escalation> {
        let (since, step) = self.running(policy)?;
        let level = u32::try_from(moment.since(since) / step).ok().filter(|level| *level > 0)?;
        Some(Escalation { due: since.plus_micros(step), level })
    }

    /// The moment of the next escalation after `moment`, for a timer; `None` when nothing is due any more.
    pub fn next_escalation(&self, policy: EscalationPolicy, moment: Moment) -> Option<Moment> {
        let (since, step) = self.running(policy)?;
        let passed = (moment.since(since) / step).max(0);
        Some(since.plus_micros((passed + 1) * step))
    }
}
