//! The types of single values: words, flags, numbers and durations. Each parser returns the problem and its fix.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use super::problems::{Wrong, quoted};

/// A value with a fixed set of words.
pub(super) trait Choice: Copy + 'static {
    /// Every word and its meaning. The first word of a meaning is the one that is displayed.
    const WORDS: &'static [(&'static str, Self)];

    /// Parses a word in any case.
    fn read(text: &str) -> Result<Self, Wrong> {
        let found = Self::WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
        found.map(|(_, choice)| *choice).ok_or_else(|| {
            let words: Vec<&str> = Self::WORDS.iter().map(|(word, _)| *word).collect();
            Wrong::new(format!("{} is not known", quoted(text)), format!("use one of {}", words.join(", ")))
        })
    }
}

/// Declares an enum that is parsed from and displayed as words. The first variant is the default.
macro_rules! choices {
    ($(#[$doc:meta])* pub enum $name:ident {
        $(#[$first_doc:meta])* $first:ident = $first_word:literal $(| $first_alias:literal)*
        $(, $(#[$variant_doc:meta])* $variant:ident = $word:literal $(| $alias:literal)*)* $(,)?
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub enum $name {
            $(#[$first_doc])*
            #[default]
            $first,
            $($(#[$variant_doc])* $variant,)*
        }

        impl $crate::settings::values::Choice for $name {
            const WORDS: &'static [(&'static str, Self)] = &[
                ($first_word, Self::$first), $(($first_alias, Self::$first),)*
                $(($word, Self::$variant), $(($alias, Self::$variant),)*)*
            ];
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self { Self::$first => $first_word, $(Self::$variant => $word,)* })
            }
        }
    };
}
pub(super) use choices;

choices! {
    /// The algorithm that signs access tokens.
    pub enum Algorithm { Hs256 = "HS256", EdDsa = "EdDSA", Es256 = "ES256", Rs256 = "RS256" }
}
choices! {
    /// The algorithm that hashes new passwords.
    pub enum PasswordHasher { Bcrypt = "bcrypt", Argon2id = "argon2id" | "argon2" }
}
choices! {
    /// Whether sign-up is open.
    pub enum RegistrationMode { Open = "open", Closed = "closed" }
}
choices! {
    /// The spelling of the members of token responses.
    pub enum ResponseCase { Snake = "snake", Camel = "camel" }
}
choices! {
    /// The lowest level that is logged.
    pub enum LogLevel {
        Info = "info", Trace = "trace", Debug = "debug", Warn = "warn" | "warning", Error = "error" | "critical" | "fatal",
    }
}
choices! {
    /// The format of the log.
    pub enum LogFormat { Text = "text", Json = "json" }
}

/// The unit of a number without a suffix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Second,
    Minute,
    Day,
}

impl Unit {
    fn milliseconds(self) -> u64 {
        match self {
            Self::Second => 1_000,
            Self::Minute => 60_000,
            Self::Day => 86_400_000,
        }
    }

    fn plural(self) -> &'static str {
        match self {
            Self::Second => "seconds",
            Self::Minute => "minutes",
            Self::Day => "days",
        }
    }
}

/// Parses `500ms`, `15s`, `30m`, `24h`, `30d`, or a whole number in the unit of the key.
pub(super) fn duration(text: &str, unit: Unit, range: RangeInclusive<Duration>) -> Result<Duration, Wrong> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let factor = match suffix.trim().to_ascii_lowercase().as_str() {
        "" => Some(unit.milliseconds()),
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        "d" => Some(86_400_000),
        _ => None,
    };
    let milliseconds = factor.and_then(|factor| number.parse::<u64>().ok()?.checked_mul(factor));
    let fix = || {
        let (from, to) = (shown(*range.start()), shown(*range.end()));
        format!(
            "use a whole number of {}, or one with a unit such as 500ms, 15s, 30m, 24h, 30d; from {from} to {to}",
            unit.plural()
        )
    };
    let Some(milliseconds) = milliseconds else {
        return Err(Wrong::new(format!("{} is not a duration", quoted(text)), fix()));
    };
    let duration = Duration::from_millis(milliseconds);
    if range.contains(&duration) {
        Ok(duration)
    } else {
        Err(Wrong::new(format!("{} is out of range", quoted(text)), fix()))
    }
}

/// Formats a duration in the largest unit that needs no fraction.
pub(super) fn shown(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    let unit = units.iter().find(|(factor, _)| milliseconds > 0 && milliseconds.is_multiple_of(*factor));
    match unit {
        Some((factor, suffix)) => format!("{}{suffix}", milliseconds / factor),
        None if milliseconds == 0 => "0".to_owned(),
        None => format!("{milliseconds}ms"),
    }
}

/// Parses `true`, `false` and their synonyms.
pub(super) fn flag(text: &str) -> Result<bool, Wrong> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(Wrong::new(format!("{} is neither true nor false", quoted(text)), "use true or false")),
    }
}

/// Parses a whole number within bounds.
pub(super) fn number<T: FromStr + PartialOrd + Display>(text: &str, range: RangeInclusive<T>) -> Result<T, Wrong> {
    text.parse().ok().filter(|number| range.contains(number)).ok_or_else(|| {
        let message = format!("{} is not a whole number from {} to {}", quoted(text), range.start(), range.end());
        Wrong::new(message, "use a number within these bounds")
    })
}
