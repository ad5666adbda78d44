//! The texts of e-mails: templates in `templates/<language>`, as text and HTML. HTML templates escape every value. A
//! name that could be taken for a web address is left out.

use std::{fmt::Write, time::Duration};

use chrono::{DateTime, Utc};
use keepstone_domain::{DisplayName, Timestamp};
use keepstone_service::{Letter, Mail};
use minijinja::{
    AutoEscape, Environment, Output, State, UndefinedBehavior, Value, context, escape_formatter, value::merge_maps,
};
use thiserror::Error;

/// The language, which is a folder of `templates`.
const LANGUAGE: &str = "en";

macro_rules! templates {
    ($($name:literal)+) => {
        [$((concat!("en/", $name), include_str!(concat!("../../templates/en/", $name)))),+]
    };
}

const TEMPLATES: [(&str, &str); 22] = templates![
    "layout.txt" "layout.html" "link.html" "valid_for.txt"
    "verify_email.txt" "verify_email.html"
    "reset_password.txt" "reset_password.html"
    "address_taken.txt" "address_taken.html"
    "address_reserved.txt" "address_reserved.html"
    "username_taken.txt" "username_taken.html"
    "password_changed.txt" "password_changed.html"
    "email_changed.txt" "email_changed.html"
    "session_ended.txt" "session_ended.html"
    "message.txt" "message.html"
];

/// The renderer of e-mails.
#[derive(Debug)]
pub struct Templates {
    environment: Environment<'static>,
    product: String,
}

/// A rendered e-mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The subject, on one line.
    pub subject: String,
    /// The plain-text version.
    pub text: String,
    /// The HTML version.
    pub html: String,
}

/// An invalid template. Templates are built in, so this is a defect.
#[derive(Debug, Error)]
#[error("a template: {0}")]
pub struct TemplateError(#[from] minijinja::Error);

impl Templates {
    /// Creates a renderer for this product name.
    ///
    /// # Errors
    /// A template that cannot be parsed.
    pub fn new(product: impl Into<String>) -> Result<Self, TemplateError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.add_filter("unlinked", unlinked);
        environment.set_formatter(write_value);
        for (name, template) in TEMPLATES {
            environment.add_template(name, template)?;
        }
        Ok(Self { environment, product: product.into() })
    }

    /// Renders an e-mail.
    ///
    /// # Errors
    /// A template that uses a value which its e-mail does not have.
    pub fn write(&self, mail: &Mail) -> Result<Rendered, TemplateError> {
        let (template, facts) = facts(&mail.letter);
        let name = mail.name.as_ref().map(DisplayName::as_str).filter(|name| !looks_like_a_link(name));
        let everywhere = context! { product => self.product.as_str(), name };
        let text = self.render(template, "txt", merge_maps([facts.clone(), everywhere.clone()]))?;
        let (subject, text) = text.split_once("\n\n").unwrap_or((&text, ""));
        let subject = subject.strip_prefix("Subject: ").unwrap_or(subject);
        let html = self.render(template, "html", merge_maps([context! { subject }, facts, everywhere]))?;
        Ok(Rendered { subject: subject.to_owned(), text: format!("{}\n", text.trim_end()), html })
    }

    fn render(&self, template: &str, kind: &str, facts: Value) -> Result<String, TemplateError> {
        Ok(self.environment.get_template(&format!("{LANGUAGE}/{template}.{kind}"))?.render(facts)?)
    }
}

/// Writes a value into a template. In HTML, minijinja would also escape a slash as a character reference. But relays
/// that rewrite links decode only the references of `&`, `<`, `>` and quotes.
fn write_value(out: &mut Output, state: &mut State, value: &Value) -> Result<(), minijinja::Error> {
    match value.as_str() {
        Some(text) if *state.auto_escape() == AutoEscape::Html && !value.is_safe() => {
            for (index, part) in text.split('/').enumerate() {
                if index > 0 {
                    out.write_char('/')?;
                }
                escape_formatter(out, state, &Value::from(part))?;
            }
            Ok(())
        }
        _ => escape_formatter(out, state, value),
    }
}

/// Returns the name of an e-mail's templates, and the values that they may use.
fn facts(letter: &Letter) -> (&'static str, Value) {
    let with_link = |link: &str, valid_for: Duration| context! { link, valid_for => in_words(valid_for) };
    let at_a_time = |at: Timestamp| context! { at => minute(at) };
    match letter {
        Letter::VerifyEmail { link, valid_for } => ("verify_email", with_link(link, *valid_for)),
        Letter::ResetPassword { link, valid_for } => ("reset_password", with_link(link, *valid_for)),
        Letter::AddressTaken => ("address_taken", context! {}),
        Letter::AddressReserved => ("address_reserved", context! {}),
        Letter::UsernameTaken { username } => ("username_taken", context! { username => username.as_str() }),
        Letter::PasswordChanged { at } => ("password_changed", at_a_time(*at)),
        Letter::EmailChanged { at, undo, valid_for } => {
            let undo = undo.as_deref().map_or_else(|| context! { link => () }, |link| with_link(link, *valid_for));
            ("email_changed", merge_maps([undo, at_a_time(*at)]))
        }
        Letter::SessionEnded { at, ip } => ("session_ended", context! { at => minute(*at), ip => ip.as_deref() }),
        Letter::Message { subject, text } => {
            let lines: Value = text.as_str().lines().map(Value::from).collect();
            ("message", context! { subject => subject.as_str(), text => text.as_str(), lines })
        }
    }
}

/// Formats a time like `2026-01-31 09:30 UTC`.
fn minute(time: Timestamp) -> String {
    DateTime::<Utc>::from(time).format("%Y-%m-%d %H:%M UTC").to_string()
}

/// Returns the duration in the largest unit that needs no fraction. The templates form the plural.
fn in_words(time: Duration) -> Value {
    let minutes = time.as_secs().div_ceil(60);
    let (amount, unit) = match minutes {
        0 => (1, "minute"),
        _ if minutes > 1_440 && minutes.is_multiple_of(1_440) => (minutes / 1_440, "day"),
        _ if minutes.is_multiple_of(60) => (minutes / 60, "hour"),
        _ => (minutes, "minute"),
    };
    context! { amount, unit }
}

/// Returns whether a mail program could turn a name into a link. Anyone may sign up with another person's address and a
/// name such as "win at evil.example", which must not be delivered.
fn looks_like_a_link(name: &str) -> bool {
    let is_dotted = |word: &str| word.split(['.', '。', '．', '｡']).skip(1).any(|part| part.chars().count() > 1);
    name.split_whitespace().any(is_dotted) || name.contains(['/', '\\', ':', '@', '<', '>'])
}

/// Escapes a text and inserts break opportunities before its dots, so that no mail program turns it into a link.
fn unlinked(text: &str) -> Value {
    let escaped = ["&amp;", "&lt;", "&gt;", "&quot;", "&#x27;", "<wbr>."];
    let replaced = text.chars().fold(String::new(), |mut html, character| {
        match "&<>\"'.".find(character) {
            Some(index) => html.push_str(escaped[index]),
            None => html.push(character),
        }
        html
    });
    Value::from_safe_string(replaced)
}
