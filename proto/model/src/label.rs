//! Sensitivity labels and the national disclosure tags; and the one form that all closed vocabularies here share.

/// Defines a closed vocabulary: an enum with stable text codes, a bit set over it, and an error for unknown text.
macro_rules! closed_set {
    (
        $(#[$doc:meta])* $name:ident, $set:ident, $bits:ty, $error:ident, $kind:literal {
            $($(#[$vdoc:meta])* $variant:ident = $code:literal,)+
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// The stable code, as written in SQL, files and the wire.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.code())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $error;
            fn from_str(text: &str) -> Result<Self, $error> {
                match text {
                    $($code => Ok(Self::$variant),)+
                    other => Err($error { text: other.chars().take(40).collect() }),
                }
            }
        }

        #[doc = concat!("A text that is not a ", $kind, ".")]
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $error { text: String }

        impl std::fmt::Display for $error {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!("`{}` is not a ", $kind, "; known are"), self.text)?;
                for (i, known) in $name::ALL.iter().enumerate() {
                    write!(f, "{} {}", if i == 0 { "" } else { "," }, known.code())?;
                }
                Ok(())
            }
        }
        impl std::error::Error for $error {}

        #[doc = concat!("A set of [`", stringify!($name), "`], one bit each.")]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $set($bits);

        impl $set {
            /// The empty set.
            pub const NONE: Self = Self(0);
            /// Everything in the vocabulary.
            pub const fn all() -> Self {
                let mut bits: $bits = 0;
                let mut i = 0;
                while i < $name::ALL.len() {
                    bits |= 1 << i;
                    i += 1;
                }
                Self(bits)
            }
            /// The set of one.
            pub const fn of(one: $name) -> Self {
                Self(1 << one as u8)
            }
            /// This set and `one`.
            #[must_use]
            pub const fn with(self, one: $name) -> Self {
                Self(self.0 | 1 << one as u8)
            }
            /// Whether `one` is in the set.
            pub const fn contains(self, one: $name) -> bool {
                self.0 & (1 << one as u8) != 0
            }
            /// Whether every member of this set is in `other`.
            pub const fn is_subset(self, other: Self) -> bool {
                self.0 & !other.0 == 0
            }
            /// What both hold.
            #[must_use]
            pub const fn intersection(self, other: Self) -> Self {
                Self(self.0 & other.0)
            }
            /// What either holds.
            #[must_use]
            pub const fn union(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
            /// What this set holds and `other` does not.
            #[must_use]
            pub const fn without(self, other: Self) -> Self {
                Self(self.0 & !other.0)
            }
            /// Whether nothing is in it.
            pub const fn is_empty(self) -> bool {
                self.0 == 0
            }
            /// The members, in order.
            pub fn iter(self) -> impl Iterator<Item = $name> {
                $name::ALL.iter().copied().filter(move |one| self.contains(*one))
            }
            /// The raw bits: bit *i* stands for the *i*-th member of `ALL`. For indexes and storage.
            pub const fn bits(self) -> $bits {
                self.0
            }
        }

        impl FromIterator<$name> for $set {
            fn from_iter<I: IntoIterator<Item = $name>>(members: I) -> Self {
                members.into_iter().fold(Self::NONE, Self::with)
            }
        }

        impl std::fmt::Debug for $set {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_set().entries(self.iter().map($name::code)).finish()
            }
        }
    };
}
pub(crate) use closed_set;

closed_set! {
    /// Sensitivity of a record (HL7 ActCode) and the national tags of JP-CLINS.
    ///
    /// A record without labels is *normal*. Every sensitivity label needs saying in a consent before it is disclosed.
    Label, Labels, u16, UnknownLabel, "label" {
        /// HIV / AIDS.
        Hiv = "HIV",
        /// Psychiatry.
        Psy = "PSY",
        /// Sexually transmitted disease.
        Std = "STD",
        /// Sexual assault, abuse, domestic violence.
        Sdv = "SDV",
        /// Genetic disease.
        Gdis = "GDIS",
        /// Substance abuse.
        Eth = "ETH",
        /// Reproductive health.
        Repro = "REPRO",
        /// Behavioural health.
        Bh = "BH",
        /// Confidentiality code R: restricted.
        Restricted = "R",
        /// Confidentiality code V: very restricted.
        VeryRestricted = "V",
        /// JP-CLINS: long-term storage. No effect on disclosure.
        Lts = "LTS",
        /// JP-CLINS: the patient has not been told; not for the patient's own eyes.
        Uninformed = "UNINFORMED",
        /// JP-CLINS: not to be provided to anyone; never leaves its source.
        Undelivered = "UNDELIVERED",
        /// The source has released it, should its scope hold it until released. No other effect.
        Released = "RELEASED",
    }
}

impl Labels {
    /// The labels that a consent and a scope must name before a record is disclosed.
    pub const NEED_SAYING: Self = Self::all()
        .without(Self::of(Label::Lts))
        .without(Self::of(Label::Uninformed))
        .without(Self::of(Label::Undelivered))
        .without(Self::of(Label::Released));
}
