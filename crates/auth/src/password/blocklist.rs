//! Passwords that are tried first: everybody's, and those made of what is known about one person. The rule: no case, no
//! index, no memory of its own; the list is searched where it lies. Source and licence are in `blocklist.LICENSE`.

use std::cmp::Ordering;

/// Lower case, ASCII, sorted by bytes, one to a line. None is shorter than 8 characters.
const COMMON: &str = include_str!("blocklist.txt");

/// As much of an operand as is looked at, in bytes: comparing costs the product of both.
const MAX_BYTES: usize = 256;

/// The shortest context word that counts when it is only a part, in characters.
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

/// Whether a word is the password, or is at least half of it, once or repeated.
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
    fn the_list_is_long_sorted_and_of_passwords_that_could_be_set() {
        let lines: Vec<_> = COMMON.lines().collect();
        assert!(lines.len() >= 3000, "{}", lines.len());
        assert!(lines.is_sorted_by(|a, b| a < b) && COMMON.ends_with('\n'));
        assert!(lines.iter().all(|line| line.len() >= 8 && line.bytes().all(|byte| byte.is_ascii_graphic())));
        assert!(lines.iter().all(|line| line.to_lowercase() == *line));
    }

    #[test]
    fn every_line_is_found_and_nothing_beside_one() {
        for line in COMMON.lines() {
            assert!(is_common(line) && is_common(&line.to_uppercase()), "{line}");
            assert!(!is_common(&format!("{line}\n")) && !is_common(&format!("\n{line}")));
        }
        for other in ["", "\n", "password123 ", "assword123", "correct horse", "\u{7f}", "zzzzzzzzzzzzzzzzz", "é"] {
            assert!(!is_common(other), "{other:?}");
        }
    }

    #[test]
    fn a_word_counts_from_half_of_the_password_on() {
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
    fn operands_are_bounded() {
        let long = "é".repeat(1_000_000);
        assert!(is_similar(&long, &[&long]), "the first 256 bytes are the same");
        assert!(!is_similar("correct horse", &[&long]));
    }
}
