//! `generate-keys`.

use std::process::ExitCode;

use keepstone_auth::token::Algorithm;

use crate::{cli::GenerateKeys, failure::Failure, keys, output, settings::Settings};

pub fn generate(settings: &Settings, arguments: &GenerateKeys) -> Result<ExitCode, Failure> {
    let named = |name: &String| {
        let known = Algorithm::from_name(name).filter(|algorithm| algorithm.is_asymmetric());
        known.ok_or_else(|| Failure::Usage(format!("--algorithm {name} is not one of EdDSA, ES256, RS256")))
    };
    let algorithm = match (&arguments.algorithm, keys::algorithm(settings)) {
        (Some(name), _) => named(name)?,
        (None, Algorithm::Hs256) => Algorithm::EdDsa,
        (None, configured) => configured,
    };
    let file = keys::generate(&settings.keys_dir(), algorithm)?;
    output::line(file.display().to_string())?;
    Ok(ExitCode::SUCCESS)
}
