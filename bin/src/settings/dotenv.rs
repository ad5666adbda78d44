//! Reads `.env` as the Python and Compose tools that wrote it do, over dotenvy. dotenvy alone would refuse
//! `NAME=two words`, unquote the strings of a bare JSON list and empty `$x` inside a password, so unquoted values are
//! quoted for it first. Its errors hold the offending line, which may be a secret: only the line's number leaves here.

use super::problems::{Problem, Wrong};

/// The variables of a file, in its order, and what could not be read.
pub(super) fn parse(text: &str, origin: &str) -> (Vec<(String, String)>, Vec<Problem>) {
    let mut variables = Vec::new();
    let mut problems = Vec::new();
    let text = text.trim_start_matches('\u{feff}');
    let (prepared, starts) = prepare(text);
    for (index, entry) in dotenvy::from_read_iter(prepared.as_bytes()).enumerate() {
        if let Ok(variable) = entry {
            variables.push(variable);
        } else {
            let line = starts.get(index).map_or_else(String::new, |line| format!(", line {line}"));
            let wrong = Wrong::new(
                "is not NAME=value",
                "write NAME=value, with quotes around a value that needs them, or `#` before a remark",
            );
            problems.push(wrong.of(".env", format!("{origin}{line}")));
        }
    }
    (variables, problems)
}

/// The same entries, every value in quotes, and the number of the line on which each one starts.
fn prepare(text: &str) -> (String, Vec<usize>) {
    let mut prepared = String::with_capacity(text.len() * 2);
    let mut starts = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        starts.push(number + 1);
        let Some((name, value)) = line.split_once('=') else {
            prepared.push_str("= not an entry\n");
            continue;
        };
        let mut value = value.trim().to_owned();
        match value.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                while closing(&value, quote).is_none() {
                    let Some((_, next)) = lines.next() else { break };
                    value.push('\n');
                    value.push_str(next);
                }
                value = requote(&value, quote);
            }
            _ => value = format!("\"{}\"", escape(without_remark(&value), true)),
        }
        prepared.extend([name.trim(), "=", &value, "\n"]);
    }
    (prepared, starts)
}

/// Where the value that opens with this quote ends.
fn closing(value: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in value.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            _ if c == quote => return Some(at),
            _ => {}
        }
    }
    None
}

/// The value between its quotes, in double quotes. What never closes, or has more than a remark behind it, is left for
/// dotenvy to refuse.
fn requote(value: &str, quote: char) -> String {
    let Some(end) = closing(value, quote) else { return "\"".to_owned() };
    let (Some(inside), Some(behind)) = (value.get(1..end), value.get(end + 1..)) else { return "\"".to_owned() };
    if !behind.trim().is_empty() && !behind.trim_start().starts_with('#') {
        return "\"\" x".to_owned();
    }
    let escaped = if quote == '\'' { escape(inside, true).replace("${", "\\${") } else { escape(inside, false) };
    format!("\"{escaped}\"")
}

/// The text as dotenvy reads it literally inside double quotes, `${NAME}` excepted.
fn escape(text: &str, literal: bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.peek().copied();
        match c {
            '$' if next != Some('{') => escaped.push_str("\\$"),
            '"' => escaped.push_str("\\\""),
            '\\' if !literal && next.is_some_and(|next| "\\\"'$n".contains(next)) => {
                escaped.push(c);
                escaped.extend(chars.next());
            }
            '\\' => escaped.push_str("\\\\"),
            _ => escaped.push(c),
        }
    }
    escaped
}

/// An unquoted value ends before ` #`.
fn without_remark(value: &str) -> &str {
    if value.starts_with('#') {
        return "";
    }
    let end =
        value.match_indices('#').find(|(at, _)| value.get(..*at).is_some_and(|before| before.ends_with([' ', '\t'])));
    end.map_or(value, |(at, _)| value.get(..at).unwrap_or(value)).trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value_of(line: &str) -> String {
        let (variables, problems) = parse(line, ".env");
        assert_eq!(problems, [], "{line}");
        variables.into_iter().next_back().unwrap().1
    }

    #[test]
    fn values_are_read_as_python_and_compose_read_them() {
        for (line, value) in [
            ("A=plain", "plain"),
            ("A = spaced ", "spaced"),
            ("export A=x", "x"),
            ("A=two words # remark", "two words"),
            ("A=no#remark", "no#remark"),
            ("A=#remark", ""),
            ("A=", ""),
            (r#"A=["http://a.test", "http://b.test"]"#, r#"["http://a.test", "http://b.test"]"#),
            ("A=p$$ss$word", "p$$ss$word"),
            (r#"A="p$word" # remark"#, "p$word"),
            (r#"A="say \"hi\"\n""#, "say \"hi\"\n"),
            (r#"A="C:\dir""#, r"C:\dir"),
            (r"A=C:\dir", r"C:\dir"),
            (r"A='${B} \n $c'", r"${B} \n $c"),
            (r#"A='it "is"'"#, r#"it "is""#),
            ("A=\"one\ntwo\"", "one\ntwo"),
            ("B=b\nA=x${B}y", "xby"),
            ("B_1=b\nA=\"${B_1}\"", "b"),
            ("\u{feff}A=bom", "bom"),
        ] {
            assert_eq!(value_of(line), value, "{line}");
        }
    }

    #[test]
    fn a_line_that_is_no_entry_is_named_by_its_number_and_never_shown() {
        let (variables, problems) = parse("# remark\n\nA=1\nca-nary\nB=\"ca-nary\" more\nC=3\nD=\"ca-nary", ".env");
        assert_eq!(variables.len(), 2);
        let text = format!("{problems:?}");
        assert!(text.contains("line 4") && text.contains("line 5") && text.contains("line 7"), "{text}");
        assert!(!text.contains("ca-nary"), "{text}");
    }
}
