//! Scope classes, and what each source's scope says of them, compiled.

use crate::decision::Reason;
use crate::directory::{Directory, Viewer};
use crate::index::DepartmentIx;
use crate::intern::Interner;
use crate::planted::{Bug, is};
use crate::{ClassIx, FacilityIx, ScopeClass};
use model::{Category, DisclosureScope, FacilityKindSet, HoldBack, Label, Labels, Role, RoleSet, ScopeRule};

const DAY: i64 = 86_400_000_000;

/// A rule of the source that matches a class on category, department and author.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct ClassRule {
    /// Records that occurred from here on, in microseconds.
    pub since: i64,
    /// How long a record is held after it was recorded, in microseconds.
    pub hold: i64,
    /// Whether a record is held until its source releases it.
    pub until_released: bool,
    pub roles: RoleSet,
    /// Its place in the scope.
    pub rule: u16,
    pub kinds: FacilityKindSet,
    /// Whether it says every label of the class that needs saying.
    pub labels_said: bool,
}

/// A class as decisions need it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Class {
    pub source: FacilityIx,
    /// `NOWHERE` where the record has none.
    pub department: DepartmentIx,
    /// The number of what the scope says of it.
    ruling: u32,
    /// Those of its labels that a consent and a rule must say.
    pub need_saying: Labels,
    /// All of its labels.
    pub labels: Labels,
    pub category: Category,
    pub author_role: Role,
    pub undelivered: bool,
    pub uninformed: bool,
}

/// What a scope says of a class. Most classes of a source share theirs, so that rulings stay in the nearest memory.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Ruling {
    /// Whether the source has stated a scope with a rule in it.
    pub has_scope: bool,
    /// In the order of the scope.
    pub rules: Box<[ClassRule]>,
}

/// What a rule asks of a record beside its class.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub occurred: i64,
    /// How long ago it was recorded, in microseconds.
    pub age: i64,
    /// Whether the source has released it.
    pub released: bool,
}

#[derive(Clone, Default, Debug)]
pub(crate) struct Classes {
    known: Interner<ScopeClass>,
    classes: Vec<Class>,
    rulings: Interner<Ruling>,
}

// === impl Class ===

impl Class {
    /// What a record is without labels, of a class that need not exist. No scope was compiled for it.
    pub(crate) fn ordinary(
        source: FacilityIx,
        category: Category,
        department: DepartmentIx,
        author_role: Role,
    ) -> Self {
        Self {
            source,
            department,
            ruling: u32::MAX,
            need_saying: Labels::NONE,
            labels: Labels::NONE,
            category,
            author_role,
            undelivered: false,
            uninformed: false,
        }
    }
}

// === impl ClassRule ===

impl ClassRule {
    /// The first column of the rule that does not match.
    pub(crate) fn admit(&self, viewer: &Viewer, times: &Times) -> Result<(), Reason> {
        if !self.matches(viewer) {
            Err(Reason::OutOfScope)
        } else if !self.labels_said {
            Err(Reason::ScopeLabel)
        } else if times.occurred < self.since || times.occurred == self.since && is(Bug::SinceExclusive) {
            Err(Reason::ScopeSince)
        } else {
            self.lets_go(times)
        }
    }
    /// Whether the record's times are such that the rule shows it, to anybody.
    pub(crate) fn is_open_at(&self, times: &Times) -> bool {
        self.labels_said && times.occurred >= self.since && self.lets_go(times).is_ok()
    }
    fn lets_go(&self, times: &Times) -> Result<(), Reason> {
        if times.age < self.hold || times.age == self.hold && is(Bug::HoldOffByOne) {
            Err(Reason::HeldBack)
        } else if self.until_released && !times.released && !is(Bug::HoldUntilReleaseIgnored) {
            Err(Reason::HeldUntilRelease)
        } else {
            Ok(())
        }
    }
    /// Whether the rule opens to the viewer whatever the record's times.
    pub(crate) fn opens_to(&self, viewer: &Viewer) -> bool {
        self.labels_said && self.matches(viewer)
    }
    fn matches(&self, viewer: &Viewer) -> bool {
        self.kinds.contains(viewer.kind) && !self.roles.intersection(viewer.roles).is_empty()
    }
}

// === impl Classes ===

impl Classes {
    pub(crate) fn find(&self, class: &ScopeClass) -> Option<ClassIx> {
        self.known.find(class).map(ClassIx::from_u32)
    }
    pub(crate) fn get(&self, ix: ClassIx) -> Option<&Class> {
        self.classes.get(ix.get())
    }
    /// Reads a class; see [`crate::Book::look_ahead`].
    pub(crate) fn touch(&self, ix: ClassIx) -> u32 {
        self.get(ix).map_or(0, |class| class.ruling)
    }
    /// The rules of a class, in the order of the scope.
    pub(crate) fn rules(&self, class: &Class) -> &[ClassRule] {
        self.ruling(class).map(|ruling| ruling.rules.as_ref()).unwrap_or_default()
    }
    /// What the source's scope says of a class.
    pub(crate) fn ruling(&self, class: &Class) -> Option<&Ruling> {
        self.rulings.get(class.ruling)
    }
    pub(crate) fn scope_class(&self, ix: ClassIx) -> Option<&ScopeClass> {
        self.known.get(ix.as_u32())
    }
    pub(crate) fn len(&self) -> usize {
        self.classes.len()
    }
    /// Adds a class that is not known yet and compiles the source's scope for it.
    pub(crate) fn push(&mut self, class: &ScopeClass, department: DepartmentIx, directory: &mut Directory) -> ClassIx {
        let source = directory.facility(&class.source);
        let ix = ClassIx::from_u32(self.known.number(class));
        if ix == ClassIx::NOWHERE {
            return ix;
        }
        self.classes.push(Class {
            source,
            category: class.category,
            department,
            need_saying: class.labels.intersection(Labels::NEED_SAYING),
            labels: class.labels,
            author_role: class.author_role,
            undelivered: class.labels.contains(Label::Undelivered),
            uninformed: class.labels.contains(Label::Uninformed),
            ruling: u32::MAX,
        });
        if let Some(entry) = directory.entry_mut(source) {
            entry.classes.insert(ix.as_u32());
        }
        let scope = directory.entry(source).and_then(|entry| entry.scope.as_ref());
        self.compile(ix, scope);
        ix
    }
    /// Compiles a source's scope for all its classes.
    pub(crate) fn compile_source(&mut self, source: FacilityIx, directory: &Directory) {
        let Some(entry) = directory.entry(source) else { return };
        for class in &entry.classes {
            self.compile(ClassIx::from_u32(class), entry.scope.as_ref());
        }
    }
    fn compile(&mut self, ix: ClassIx, scope: Option<&DisclosureScope>) {
        let Some(known) = self.known.get(ix.as_u32()) else { return };
        let rules = scope.map(|scope| scope.rules.as_slice()).unwrap_or_default();
        let compiled =
            rules.iter().zip(0..=u16::MAX).filter(|(rule, _)| matches(rule, known)).map(|(rule, at)| ClassRule {
                since: rule.since.map_or(i64::MIN, model::Moment::micros),
                hold: hold(rule.hold_back),
                // One record is released by its own tag.
                until_released: rule.hold_back == HoldBack::UntilReleased && !known.labels.contains(Label::Released),
                roles: rule.viewer_roles,
                rule: at,
                kinds: rule.viewer_kinds,
                labels_said: known.labels.intersection(Labels::NEED_SAYING).is_subset(rule.labels)
                    || is(Bug::ScopeLabelsIgnored),
            });
        let ruling = Ruling { has_scope: !rules.is_empty(), rules: compiled.collect() };
        let number = self.rulings.number(&ruling);
        if let Some(class) = self.classes.get_mut(ix.get()) {
            class.ruling = number;
        }
    }
    pub(crate) fn bytes(&self) -> usize {
        self.known.bytes() + self.classes.capacity() * size_of::<Class>() + self.rulings.bytes()
    }
}

/// Whether a rule matches a class on the columns that do not depend on the viewer or on the record's times; labels apart.
fn matches(rule: &ScopeRule, class: &ScopeClass) -> bool {
    let department =
        rule.departments.is_empty() || class.department.as_ref().is_some_and(|d| rule.departments.contains(d));
    rule.categories.contains(class.category) && department && rule.author_roles.contains(class.author_role)
}

/// The hold-back in microseconds; no hold-back admits even a record dated ahead of the moment.
fn hold(hold_back: HoldBack) -> i64 {
    match hold_back {
        HoldBack::None | HoldBack::UntilReleased => i64::MIN,
        HoldBack::Days(days) => i64::from(days) * DAY,
    }
}
