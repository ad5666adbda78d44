//! Checks for passwords that attackers try first: common passwords, and passwords derived from known facts about a
//! user. The checks ignore case. The list is searched in place, without an index or a copy. Source and licence are in
//! `blocklist.LICENSE`.

use std::cmp::Ordering;

/// The common passwords: lower-case ASCII, sorted by bytes, one per line, at least 8 characters each.
const COMMON: &str = include_str!("blocklist.txt");

/// The prefix of each operand that is compared, in bytes. The bound is needed because the cost of a comparison is the
/// product of both lengths.
const MAX_BYTES: usize = 256;

/// The shortest context word that is searched for inside a password, in characters.
const MIN_WORD: usize = 4;

pub(super) fn is_common(password: &str) -> bool {
    let password = password.to_lowercase();
    let mut rest = COMMON;
    while let Some((before, _)) = rest.split_at_checked(rest.len() / 2) {
        let start = before.rfind('\n').map_or(0, |end| end.saturating_add(1));
        let Some((smaller, from)) = rest.split_at_checked(start) else { return false };
        let Some((line, greater)) = from.split_once('\n') else { return false };
        rest = match password.as_str().cmp(line) {
            Ordering::Equal => return true,
            Ordering::Less => smaller,
            Ordering::Greater => greater,
        };
    }
    false
}

/// Whether a word equals the password, or accounts for at least half of it, once or repeated.
pub(super) fn is_similar(password: &str, words: &[&str]) -> bool {
    let password = folded(password);
    let length = password.chars().count();
    words.iter().map(|word| folded(word)).any(|word| {
        let part = word.chars().count();
        let makes_up = || password.matches(&word).count().saturating_mul(part).saturating_mul(2) >= length;
        part > 0 && (word == password || (part >= MIN_WORD && makes_up()))
    })
}

fn folded(text: &str) -> String {
    text.get(..text.floor_char_boundary(MAX_BYTES)).unwrap_or_default().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_long_sorted_and_contains_only_valid_passwords() {
        let lines: Vec<_> = COMMON.lines().collect();
        assert!(lines.len() >= 3000, "{}", lines.len());
        assert!(lines.is_sorted_by(|a, b| a < b) && COMMON.ends_with('\n'));
        assert!(lines.iter().all(|line| line.len() >= 8 && line.bytes().all(|byte| byte.is_ascii_graphic())));
        assert!(lines.iter().all(|line| line.to_lowercase() == *line));
    }

    #[test]
    fn only_exact_lines_are_found() {
        for line in COMMON.lines() {
            assert!(is_common(line) && is_common(&line.to_uppercase()), "{line}");
            assert!(!is_common(&format!("{line}\n")) && !is_common(&format!("\n{line}")));
        }
        for other in ["", "\n", "password123 ", "assword123", "correct horse", "\u{7f}", "zzzzzzzzzzzzzzzzz", "é"] {
            assert!(!is_common(other), "{other:?}");
        }
    }

    #[test]
    fn a_password_is_similar_if_half_of_it_is_the_word() {
        for (password, word) in [
            ("lovelace", "lovelace"),
            ("LoveLace", "lovelace"),
            ("lovelacelovelace", "Lovelace"),
            ("adasadasadas", "adas"),
            ("1lovelace1234567", "lovelace"),
            ("ÄÖÜßxyz1", "äöüß"),
            ("abc", "ABC"),
        ] {
            assert!(is_similar(password, &["", "other", word]), "{password} {word}");
        }
        for (password, word) in [
            ("lovelace123456789", "lovelace"),
            ("adaadaada", "ada"),
            ("correct horse", "lovelace"),
            ("lovelac", "lovelace"),
        ] {
            assert!(!is_similar(password, &["", "other", word]), "{password} {word}");
        }
        assert!(!is_similar("", &[""]) && !is_similar("password", &[]));
    }

    #[test]
    fn only_a_prefix_of_each_operand_is_compared() {
        let long = "é".repeat(1_000_000);
        assert!(is_similar(&long, &[&long]), "the first 256 bytes are the same");
        assert!(!is_similar("correct horse", &[&long]));
    }
}
