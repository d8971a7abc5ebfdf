//! An expression, read.

use crate::temporal::Temporal;
use crate::types::TypeName;
use rust_decimal::Decimal;

/// A value that is written down.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Literal {
    Boolean(bool),
    Integer(i64),
    Decimal(Decimal),
    Text(String),
    Time(Temporal),
}

/// An expression and where it begins.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Expression {
    pub(crate) at: usize,
    pub(crate) meant: Meant,
    /// How deep it is; bounded, so that nothing that walks it can run out of stack.
    pub(crate) depth: usize,
}

#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Meant {
    /// `{}`
    Nothing,
    Literal(Literal),
    /// `$this`, and what a path without a beginning begins at.
    This,
    /// `$index`
    Index,
    /// `%rowIndex`
    RowIndex,
    /// `%resource`
    Resource,
    /// Steps from a beginning, in a row: a chain of `.` is no depth.
    Path(Box<Expression>, Vec<Step>),
    Minus(Box<Expression>),
    Binary(Operator, Box<Expression>, Box<Expression>),
    /// `is`, or `as`.
    Type(TypeTest, Box<Expression>, TypeName),
}

/// What `is`, `as` and their functions ask.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TypeTest {
    Is,
    As,
}

#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Step {
    pub(crate) at: usize,
    pub(crate) does: Does,
}

#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Does {
    /// An element. The first of an expression may be the resource's type.
    Member {
        name: String,
        first: bool,
    },
    /// `[…]`
    At(Expression),
    Call(Function, Vec<Expression>),
    /// A function whose argument is a type; `None` where it may be left out.
    Typed(TypeFunction, Option<TypeName>),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TypeFunction {
    OfType,
    Is,
    As,
    ReferenceKey,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Operator {
    Multiply,
    Divide,
    WholeDivide,
    Modulo,
    Add,
    Subtract,
    Concatenate,
    Union,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
    Equivalent,
    NotEquivalent,
    In,
    Contains,
    And,
    Or,
    Xor,
    Implies,
}

impl Operator {
    /// How tightly it binds; the tighter, the higher.
    pub(crate) const fn binding(self) -> u8 {
        match self {
            Self::Multiply | Self::Divide | Self::WholeDivide | Self::Modulo => 10,
            Self::Add | Self::Subtract | Self::Concatenate => 9,
            // `is` and `as` are 8
            Self::Union => 7,
            Self::Less | Self::LessOrEqual | Self::Greater | Self::GreaterOrEqual => 6,
            Self::Equal | Self::NotEqual | Self::Equivalent | Self::NotEquivalent => 5,
            Self::In | Self::Contains => 4,
            Self::And => 3,
            Self::Or | Self::Xor => 2,
            Self::Implies => 1,
        }
    }
    /// From its sign or word.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        Some(match text {
            "*" => Self::Multiply,
            "/" => Self::Divide,
            "div" => Self::WholeDivide,
            "mod" => Self::Modulo,
            "+" => Self::Add,
            "-" => Self::Subtract,
            "&" => Self::Concatenate,
            "|" => Self::Union,
            "<" => Self::Less,
            "<=" => Self::LessOrEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterOrEqual,
            "=" => Self::Equal,
            "!=" => Self::NotEqual,
            "~" => Self::Equivalent,
            "!~" => Self::NotEquivalent,
            "in" => Self::In,
            "contains" => Self::Contains,
            "and" => Self::And,
            "or" => Self::Or,
            "xor" => Self::Xor,
            "implies" => Self::Implies,
            _ => return None,
        })
    }
}

/// The functions whose arguments are expressions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Function {
    Where,
    Select,
    All,
    Exists,
    Iif,
    Empty,
    Not,
    HasValue,
    Count,
    First,
    Last,
    Tail,
    Single,
    Skip,
    Take,
    Distinct,
    IsDistinct,
    Union,
    Combine,
    Intersect,
    Exclude,
    Extension,
    Join,
    LowBoundary,
    HighBoundary,
    ResourceKey,
    ToText,
    ToInteger,
    ToDecimal,
    ToBoolean,
    StartsWith,
    EndsWith,
    Contains,
    IndexOf,
    Substring,
    Replace,
    Upper,
    Lower,
    Trim,
    Length,
    Abs,
    Ceiling,
    Floor,
    Round,
    Truncate,
}

impl Function {
    /// Name, and how many arguments at least and at most.
    pub(crate) const ALL: &[(&str, Self, usize, usize)] = &[
        ("where", Self::Where, 1, 1),
        ("select", Self::Select, 1, 1),
        ("all", Self::All, 1, 1),
        ("exists", Self::Exists, 0, 1),
        ("iif", Self::Iif, 2, 3),
        ("empty", Self::Empty, 0, 0),
        ("not", Self::Not, 0, 0),
        ("hasValue", Self::HasValue, 0, 0),
        ("count", Self::Count, 0, 0),
        ("first", Self::First, 0, 0),
        ("last", Self::Last, 0, 0),
        ("tail", Self::Tail, 0, 0),
        ("single", Self::Single, 0, 0),
        ("skip", Self::Skip, 1, 1),
        ("take", Self::Take, 1, 1),
        ("distinct", Self::Distinct, 0, 0),
        ("isDistinct", Self::IsDistinct, 0, 0),
        ("union", Self::Union, 1, 1),
        ("combine", Self::Combine, 1, 1),
        ("intersect", Self::Intersect, 1, 1),
        ("exclude", Self::Exclude, 1, 1),
        ("extension", Self::Extension, 1, 1),
        ("join", Self::Join, 0, 1),
        ("lowBoundary", Self::LowBoundary, 0, 0),
        ("highBoundary", Self::HighBoundary, 0, 0),
        ("getResourceKey", Self::ResourceKey, 0, 0),
        ("toString", Self::ToText, 0, 0),
        ("toInteger", Self::ToInteger, 0, 0),
        ("toDecimal", Self::ToDecimal, 0, 0),
        ("toBoolean", Self::ToBoolean, 0, 0),
        ("startsWith", Self::StartsWith, 1, 1),
        ("endsWith", Self::EndsWith, 1, 1),
        ("contains", Self::Contains, 1, 1),
        ("indexOf", Self::IndexOf, 1, 1),
        ("substring", Self::Substring, 1, 2),
        ("replace", Self::Replace, 2, 2),
        ("upper", Self::Upper, 0, 0),
        ("lower", Self::Lower, 0, 0),
        ("trim", Self::Trim, 0, 0),
        ("length", Self::Length, 0, 0),
        ("abs", Self::Abs, 0, 0),
        ("ceiling", Self::Ceiling, 0, 0),
        ("floor", Self::Floor, 0, 0),
        ("round", Self::Round, 0, 1),
        ("truncate", Self::Truncate, 0, 0),
    ];
}
