//! The types of fields: numbers, names, identifiers, codes, addresses.

use crate::{ErrorCode, Fault, Part};
use std::borrow::Cow;
use std::fmt;

/// `NM`: a number, and how it was written.
#[derive(Clone, Copy, PartialEq)]
pub struct Nm<'m> {
    /// The number.
    pub value: f64,
    /// As it was written.
    pub written: &'m str,
}

/// `SN`: a number with a comparator, a ratio, a range.
#[derive(Clone, PartialEq)]
pub struct Sn<'m> {
    /// `<`, `<=`, `>`, `>=`, `=`, `<>`; empty is `=`.
    pub comparator: Cow<'m, str>,
    /// The first number.
    pub first: Option<f64>,
    /// `-`, `+`, `/`, `:`, `.`; empty when there is one number.
    pub separator: Cow<'m, str>,
    /// The second number.
    pub second: Option<f64>,
}

/// `HD`: an assigning authority or a facility.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Hd<'m> {
    /// Its local name.
    pub namespace: Cow<'m, str>,
    /// Its universal id.
    pub universal: Cow<'m, str>,
    /// What sort of universal id: `ISO`, `DNS`, `L` …
    pub kind: Cow<'m, str>,
}

/// `EI`: an identifier of an order, a specimen, a document.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Ei<'m> {
    /// The identifier.
    pub id: Cow<'m, str>,
    /// Who gave it.
    pub authority: Hd<'m>,
}

/// `CX`: a patient's or a visit's identifier.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Cx<'m> {
    /// The identifier.
    pub id: Cow<'m, str>,
    /// Who gave it.
    pub authority: Hd<'m>,
    /// HL7 table 0203: `PI`, `MR`, `VN` …
    pub kind: Cow<'m, str>,
}

/// `CE`, `CWE`, `CNE`: a code with its text, and another code for the same.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Coded<'m> {
    /// The code.
    pub code: Cow<'m, str>,
    /// What it stands for.
    pub text: Cow<'m, str>,
    /// The code system (HL7 table 0396): `LN`, `JC10`, `99XYZ` …
    pub system: Cow<'m, str>,
    /// The other code.
    pub other_code: Cow<'m, str>,
    /// What it stands for.
    pub other_text: Cow<'m, str>,
    /// Its code system.
    pub other_system: Cow<'m, str>,
    /// What a person wrote or chose, where the code was found for it afterwards (`CWE.9`).
    pub original: Cow<'m, str>,
}

/// How a name is written (HL7 table 0465 / 0448).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Representation {
    /// In letters: `A`.
    Alphabetic,
    /// In kanji: `I`.
    Ideographic,
    /// As it sounds, in kana: `P`.
    Phonetic,
}

impl Representation {
    fn of(code: &str) -> Option<Self> {
        match code {
            "A" => Some(Self::Alphabetic),
            "I" => Some(Self::Ideographic),
            "P" => Some(Self::Phonetic),
            _ => None,
        }
    }
}

/// `XPN`: a person's name.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Xpn<'m> {
    /// Family name.
    pub family: Cow<'m, str>,
    /// Given name.
    pub given: Cow<'m, str>,
    /// Further given names.
    pub middle: Cow<'m, str>,
    /// HL7 table 0200: `L` legal, `M` maiden, `N` nickname …
    pub kind: Cow<'m, str>,
    /// How it is written, where that is said.
    pub representation: Option<Representation>,
}

/// `XCN`: a person with an identifier.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Xcn<'m> {
    /// The identifier.
    pub id: Cow<'m, str>,
    /// Family name.
    pub family: Cow<'m, str>,
    /// Given name.
    pub given: Cow<'m, str>,
    /// Who gave the identifier.
    pub authority: Hd<'m>,
}

/// `XAD`: an address.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Xad<'m> {
    /// Street; in Japan often nothing.
    pub street: Cow<'m, str>,
    /// What else there is of the street: in Japan often the house.
    pub other: Cow<'m, str>,
    /// City.
    pub city: Cow<'m, str>,
    /// State or prefecture.
    pub state: Cow<'m, str>,
    /// Postal code.
    pub postal_code: Cow<'m, str>,
    /// Country.
    pub country: Cow<'m, str>,
    /// HL7 table 0190: `H` home, `B` business …
    pub kind: Cow<'m, str>,
    /// Where Japanese senders write the whole address (`XAD.8`).
    pub whole: Cow<'m, str>,
}

macro_rules! redacted {
    ($($name:ident),+) => {
        // Values are patient data.
        $(impl fmt::Debug for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(******)"))
            }
        })+
    };
}
redacted!(Nm, Sn, Hd, Ei, Cx, Coded, Xpn, Xcn, Xad);

/// A number as `NM` allows it: a sign, digits, one point.
fn number(text: &str) -> Option<f64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let shaped = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && digits.bytes().any(|b| b.is_ascii_digit())
        && digits.bytes().filter(|b| *b == b'.').count() <= 1;
    shaped.then(|| text.parse().ok()).flatten().filter(|number: &f64| number.is_finite())
}

impl<'m> Part<'m> {
    /// A number, `None` where nothing is stated.
    ///
    /// # Errors
    /// When something is stated that is no number of `NM`: a sign, digits, one point.
    pub fn nm(&self) -> Result<Option<Nm<'m>>, Fault> {
        let written = self.first().raw().trim();
        if written.is_empty() || written == "\"\"" {
            return Ok(None);
        }
        match number(written) {
            Some(value) => Ok(Some(Nm { value, written })),
            None => Err(self.fault(ErrorCode::DataType, "a number: a sign, digits, one point")),
        }
    }

    /// A structured number, `None` where nothing is stated.
    ///
    /// # Errors
    /// When a comparator or separator is not in the type's list, or a number is none.
    pub fn sn(&self) -> Result<Option<Sn<'m>>, Fault> {
        if self.present().is_none() {
            return Ok(None);
        }
        let [comparator, first, separator, second] = [1, 2, 3, 4].map(|n| self.component(n));
        let known = |part: &Part<'m>, list: &[&str], rule| match part.text() {
            text if text.is_empty() || list.contains(&&*text) => Ok(text),
            _ => Err(part.fault(ErrorCode::TableValue, rule)),
        };
        Ok(Some(Sn {
            comparator: known(&comparator, &["<", "<=", ">", ">=", "=", "<>"], "`<`, `<=`, `>`, `>=`, `=` or `<>`")?,
            first: first.nm()?.map(|number| number.value),
            separator: known(&separator, &["-", "+", "/", ":", "."], "`-`, `+`, `/`, `:` or `.`")?,
            second: second.nm()?.map(|number| number.value),
        }))
    }

    /// The texts of its components, from the first.
    fn texts<const N: usize>(&self) -> [Cow<'m, str>; N] {
        let mut texts = std::array::from_fn(|_| Cow::Borrowed(""));
        for (slot, part) in texts.iter_mut().zip(self.components()) {
            *slot = part.text();
        }
        texts
    }

    /// An assigning authority: of a component its subcomponents, of anything else its components.
    pub fn hd(&self) -> Hd<'m> {
        let mut parts = self.subcomponents();
        if self.subcomponent(2).is_absent() {
            parts = self.components();
        }
        let mut next = || parts.next().map(|part| part.text()).unwrap_or_default();
        Hd { namespace: next(), universal: next(), kind: next() }
    }

    /// An identifier of a thing.
    pub fn ei(&self) -> Ei<'m> {
        let [id, namespace, universal, kind] = self.texts();
        Ei { id, authority: Hd { namespace, universal, kind } }
    }

    /// A patient's or a visit's identifier.
    pub fn cx(&self) -> Cx<'m> {
        Cx { id: self.component(1).text(), authority: self.component(4).hd(), kind: self.component(5).text() }
    }

    /// A code. Nothing is there when both [`Coded::code`] and every text are empty.
    pub fn coded(&self) -> Coded<'m> {
        // Codes have no subcomponents: a `&` in a text is one that its sender did not escape.
        let mut parts = self.components();
        let mut next = || parts.next().map(|part| part.whole_text()).unwrap_or_default();
        let (code, text, system) = (next(), next(), next());
        let (other_code, other_text, other_system) = (next(), next(), next());
        let (_, _, original) = (next(), next(), next());
        Coded { code, text, system, other_code, other_text, other_system, original }
    }

    /// A person's name.
    pub fn xpn(&self) -> Xpn<'m> {
        let [family, given, middle, _, _, _, kind, representation] = self.texts();
        Xpn { family, given, middle, kind, representation: Representation::of(&representation) }
    }

    /// A person with an identifier.
    pub fn xcn(&self) -> Xcn<'m> {
        let [id, family, given] = self.texts();
        Xcn { id, family, given, authority: self.component(9).hd() }
    }

    /// An address.
    pub fn xad(&self) -> Xad<'m> {
        let [street, other, city, state, postal_code, country, kind, whole] = self.texts();
        Xad { street, other, city, state, postal_code, country, kind, whole }
    }
}

impl Coded<'_> {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        [&self.code, &self.text, &self.other_code, &self.other_text, &self.original].iter().all(|text| text.is_empty())
    }
}

impl Sn<'_> {
    /// Whether it says more than one number with a comparator: a ratio, a range, a category such as `2+`.
    pub fn is_compound(&self) -> bool {
        !self.separator.is_empty() || self.second.is_some()
    }
}

#[cfg(test)]
mod tests;
