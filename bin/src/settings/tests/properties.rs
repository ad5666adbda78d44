//! Properties that hold for any input.

use keepstone_persistence::DatabaseUrl;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;
use proptest::sample::select;

use super::super::addresses::ServiceUrl;
use super::super::keys::{KEYS, Kind};
use super::super::production::has_default_password;
use super::super::{check, dotenv, show, show_json, strength};
use super::*;

const CANARY: &str = "canary-4711";
/// Parts of valid and invalid addresses.
const PIECES: &[&str] = &[
    "redis", "file", "http", ":", "/", "//", "@", "?", "#", "[", "]", "%40", "\\", ".", " ", "\t", "1", "h", "é", "\0",
];

fn pieces(most: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(select(PIECES), 0..most).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn the_address_of_a_service_is_rejected_or_shown_without_its_password(
        scheme in select(&["redis", "smtps", "https", "s3"][..]),
        before in pieces(4),
        behind in pieces(4),
        place in pieces(4),
    ) {
        let text = format!("{scheme}://user:{before}{CANARY}{behind}@{place}");
        let shown = match ServiceUrl::read(&text, &[scheme]) {
            Ok(url) => format!("{url} {url:?}"),
            Err(wrong) => format!("{wrong:?}"),
        };
        prop_assert!(!shown.contains(CANARY), "{:?}: {}", text, shown);
    }

    #[test]
    fn parsing_an_address_never_panics(text in "\\PC{0,40}", plausible in pieces(10)) {
        for text in [&text, &plausible] {
            if let Ok(url) = ServiceUrl::read(text, &["redis", "http", "file"]) {
                prop_assert!(!url.to_string().is_empty());
            }
        }
    }

    #[test]
    fn a_default_password_is_recognised_however_it_is_escaped(
        user in "[a-z]{1,8}",
        password in prop_oneof![select(&["postgres", "password", "changeme", "root", "my-secret-pw"][..]).prop_map(str::to_owned), "\\PC{1,16}"],
        escaped in any::<bool>(),
        host in select(&["localhost", "", "h1,h2:5433", "[::1]:5432"][..]),
    ) {
        let everything = password.bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02X}"));
        let written = if escaped { everything } else { utf8_percent_encode(&password, NON_ALPHANUMERIC).to_string() };
        let url: DatabaseUrl = format!("postgres://{user}:{written}@{host}/app").parse().unwrap();
        let is_default = strength::is_well_known_password(&user, &password);
        prop_assert_eq!(url.server().map(has_default_password), Some(is_default));
    }

    #[test]
    fn every_line_of_a_dotenv_file_is_read_or_skipped(
        lines in prop::collection::vec(prop_oneof![
            "\\PC{0,20}",
            prop::collection::vec(select(&["A", "=", "\"", "'", "\\", "$", "${", "}", "#", " ", ":-"][..]), 0..8)
                .prop_map(|pieces| pieces.concat()),
        ], 0..5),
    ) {
        let text = lines.join("\n");
        let file = dotenv::parse(&text, |_| None);
        let count = text.split(['\n', '\r']).count();
        prop_assert!(file.skipped.is_sorted() && file.skipped.iter().all(|line| (1..=count).contains(line)), "{:?}", file);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_secret_is_printed_for_any_variables(
        chosen in prop::collection::vec((select(KEYS), prop_oneof!["\\PC{0,20}", pieces(6)]), 0..6),
        environment in select(&["development", "production", "test", "nonsense"][..]),
    ) {
        let mut variables = vec![("ENVIRONMENT", environment.to_owned())];
        for (key, noise) in chosen.iter().filter(|(key, _)| key.path != "app.environment") {
            let value = if key.kind == Kind::Plain { noise.clone() } else { format!("redis://u:{noise}{CANARY}@h") };
            variables.push((key.name, value.replace('\0', "")));
        }
        let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let loaded = load(&variables);
        let checked = check(&loaded);
        let printed = match loaded {
            Ok(settings) => format!("{checked}{settings:?}{}{}", show(&settings), show_json(&settings)),
            Err(problems) => format!("{checked}{problems:?}"),
        };
        prop_assert!(!printed.contains(CANARY), "{}", printed);
    }
}
