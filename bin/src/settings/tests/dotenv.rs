//! Parsing of `.env`. `tests/api/dotenv.rs` compares it with python-dotenv.

use super::super::{check, dotenv};
use super::*;

fn parse(text: &str) -> dotenv::Dotenv {
    dotenv::parse(text, |name| (name == "HOME_OF_ADA").then_some("/home/ada"))
}

#[test]
fn a_reference_is_expanded_with_the_default_of_a_shell() {
    for (text, value) in [
        ("A=${REG:-closed}", "closed"),
        ("A=${REG-closed}", "closed"),
        ("REG=open\nA=${REG:-closed}", "open"),
        ("REG=open\nA=${REG-closed}", "open"),
        ("REG=\nA=${REG:-closed}", "closed"),
        ("REG=\nA=${REG-closed}", ""),
        ("REG\nA=${REG-closed}", "closed"),
        ("A=${REG}", ""),
        ("A=${HOME_OF_ADA:-x}", "/home/ada"),
        ("HOME_OF_ADA=line\nA=${HOME_OF_ADA}", "/home/ada"),
        ("A=sqlite:///./${DB_NAME:-shop}.db", "sqlite:///./shop.db"),
        ("B=${C}\nC=1\nA=[${B}]", "[]"),
        ("A=1\nA=${A}2", "12"),
        ("A=$REG", "$REG"),
        ("A=p$$w${", "p$$w${"),
        ("A=${X:?no}", "${X:?no}"),
        ("X-Y=1\nA=${X-Y}", "1"),
        ("A='${HOME_OF_ADA}'", "/home/ada"),
    ] {
        assert_eq!(parse(text).values["A"], value, "{text}");
    }
}

#[test]
fn references_to_other_variables_are_collected() {
    let file = parse("A=${DOMAIN}/${PORT:-1}/${TAG-x}/${no:thing}");
    assert_eq!(file.referenced.into_iter().collect::<Vec<_>>(), ["DOMAIN", "PORT", "TAG"]);
}

#[test]
fn a_line_that_is_not_an_assignment_is_skipped_and_reported_by_its_number() {
    let text = "# comment\n\nAPP_NAME=1\nca-nary and more\nB=\"ca-nary\" more\nPORT=3\n\n =ca-nary\nlonely\nD=\"ca-nary\n\
                LOG_LEVEL=debug";
    let folder = folder(&[(".env", text)]);
    let settings = load_in(folder.path(), &[]).unwrap();
    assert_eq!((settings.app.name.as_str(), settings.server.port), ("1", 3));
    assert_eq!(settings.log.level, super::super::LogLevel::Debug, "an unclosed quote skips only its own line");
    let [warning] = settings.warnings.as_slice() else { panic!("{:?}", settings.warnings) };
    assert_eq!(warning.message, "has lines that are not NAME=value and were skipped: 4, 5, 8, 9, 10");
    let printed = format!("{settings:?}{}", check(&Ok(settings.clone())));
    assert!(printed.contains("4, 5, 8, 9, 10") && !printed.contains("ca-nary"), "{printed}");
}

#[test]
fn only_the_first_of_many_skipped_lines_are_listed() {
    let folder = folder(&[(".env", &"nonsense!\n".repeat(1_000))]);
    let warnings = load_in(folder.path(), &[]).unwrap().warnings;
    assert!(warnings[0].message.ends_with(": 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 990 more"), "{warnings:?}");
}

#[test]
fn a_secret_may_start_with_a_hash_sign() {
    let secret = "#uR7pX9qLw2RzB7nYc5HdJ8mFs1PgUeA0iQo";
    let folder = folder(&[(".env", &format!("REGISTRATION=${{REG:-closed}}\nJWT_SECRET_KEY={secret}\n"))]);
    let settings = load_in(folder.path(), &[]).unwrap();
    assert_eq!(secrecy::ExposeSecret::expose_secret(settings.signing_key().unwrap()), secret);
    assert_eq!(settings.registration.mode, super::super::RegistrationMode::Closed);
}

#[test]
fn only_misspelt_renamed_or_idle_variables_are_reported() {
    let text = "ACESS_TOKEN_EXPIRE_MINUTES=5\ndatabase_url=sqlite:///./x.db\nSECURITY__JWT_SECRET_KEY=ca-nary\n\
                DB_HOST=db\nSENTRY_DSN=https://ca-nary@sentry.test/1\nBACKEND_PORT=1\nDOCKER_IMAGE_BACKEND=x\nSTACK_NAME=\n\
                DOMAIN=app.test\nPUBLIC_URL=https://${DOMAIN}\nSTRIPE_KEY=ca-nary\nPATH_TO_THE_MODEL=x\n\
                JWT_SECRET_KEY_FILE=\n";
    let folder = folder(&[(".env", text)]);
    let settings = load_in(folder.path(), &[("DB_HOST", "db"), ("PROT", "1")]).unwrap();
    let named: Vec<String> = settings
        .warnings
        .iter()
        .map(|warning| format!("{} {}; {}", warning.key, warning.message, warning.fix))
        .collect();
    assert_eq!(
        named,
        [
            "ACESS_TOKEN_EXPIRE_MINUTES is not a setting; did you mean ACCESS_TOKEN_EXPIRE_MINUTES?",
            "DB_HOST has no effect here; set DATABASE_URL instead",
            "SECURITY__JWT_SECRET_KEY is not a setting; did you mean JWT_SECRET_KEY?",
            "database_url is not a setting; did you mean DATABASE_URL?",
            ".env has variables without effect: BACKEND_PORT, DOCKER_IMAGE_BACKEND, SENTRY_DSN; remove those that no \
             other program reads",
        ]
    );
    let checked = check(&Ok(settings));
    assert!(checked.contains("DB_HOST") && !checked.contains("ca-nary"), "{checked}");
}

#[test]
fn a_misspelt_variable_is_reported_with_the_problem_that_it_causes() {
    let folder = folder(&[(".env", "ENVIRONMENT=production\nDATABASE_URI=postgres://u:ca-nary@h/d\n")]);
    let text = load_in(folder.path(), &[("JWT_SECRET_KEY", STRONG)]).unwrap_err().to_string();
    assert!(text.contains("has 1 problem") && text.contains("warning: DATABASE_URI"), "{text}");
    assert!(text.contains("set DATABASE_URL instead") && !text.contains("ca-nary"), "{text}");
}
