//! The layers and their order. The only place that reads the environment of the process, in [`Inputs::of_process`];
//! tests pass their own.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::composed;
use super::dotenv::{self, Dotenv};
use super::layers::{self, BUILT_IN, Collected, Tree};
use super::problems::{Problem, Wrong};
use super::profile::{Environment, Profile};
use super::unknown;
use super::variables::Variables;

const DEFAULTS: &str = include_str!("../../../config/default.toml");

/// The settings of the command line. Never secrets, because every user of the machine can read them.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--host`
    pub host: Option<String>,
    /// `--port`
    pub port: Option<u16>,
    /// `--migrate`
    pub migrate: bool,
    /// `--environment`
    pub environment: Option<String>,
    /// `--log-level`
    pub log_level: Option<String>,
}

/// The inputs of the settings.
#[derive(Clone)]
pub struct Inputs {
    pub(super) variables: Vec<(OsString, OsString)>,
    pub(super) directory: PathBuf,
    pub(super) overrides: Overrides,
    pub(super) cores: usize,
}

impl Inputs {
    /// Returns the environment and the working directory of this process.
    #[must_use]
    pub fn of_process(overrides: Overrides) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self::new(std::env::vars_os(), ".", overrides, cores)
    }

    /// Creates inputs from any environment and directory.
    pub fn new<N: Into<OsString>, V: Into<OsString>>(
        variables: impl IntoIterator<Item = (N, V)>,
        directory: impl Into<PathBuf>,
        overrides: Overrides,
        cores: usize,
    ) -> Self {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { variables, directory: directory.into(), overrides, cores }
    }
}

/// The merged tree, with problems and warnings.
pub(super) struct Sources {
    pub tree: Tree,
    pub profile: Profile,
    pub problems: Vec<Problem>,
    pub warnings: Vec<Problem>,
    pub exposed: Vec<PathBuf>,
}

/// Merges all layers, including the profile that the layers themselves choose.
pub(super) fn collect(inputs: &Inputs) -> Result<Sources, Problem> {
    let default = layers::from_toml(DEFAULTS, layers::DEFAULT);
    let variables = process_variables(inputs);
    let (dotenv_variables, dotenv) = dotenv_file(&inputs.directory, &variables);
    let mut environment = Collected::default();
    variables.collect(&mut environment);
    let flags = flags(&inputs.overrides);
    let merge = |profile: &Collected, composed: &Collected| {
        let layers = [&default, profile, composed, &dotenv, &environment, &flags];
        Tree::merge(layers.map(|collected| &collected.layer))
    };

    // If ENVIRONMENT is not set, the host decides, which may itself be set in the file of development.
    let none = Collected::default();
    let mut file = profile_file(Environment::Development, &inputs.directory);
    let profile = Profile::choose(&merge(&none, &none)?, &merge(&file, &none)?);
    if profile.environment != Environment::Development {
        file = profile_file(profile.environment, &inputs.directory);
    }
    let composed = composed::collect(&[&dotenv_variables, &variables], |path| {
        [&file, &dotenv, &environment].iter().any(|collected| collected.layer.is_configured(path))
    });
    let tree = merge(&file, &composed)?;
    let (mut problems, mut warnings, mut exposed) = (Vec::new(), Vec::new(), Vec::new());
    for layer in [default, file, composed, dotenv, environment, flags] {
        problems.extend(layer.problems);
        warnings.extend(layer.warnings);
        exposed.extend(layer.exposed);
    }
    problems.extend(profile.problem.clone());
    Ok(Sources { tree, profile, problems, warnings, exposed })
}

/// Returns the built-in defaults only.
pub(super) fn built_in() -> Result<Tree, Problem> {
    Tree::merge([&layers::from_toml(DEFAULTS, layers::DEFAULT).layer])
}

fn profile_file(environment: Environment, directory: &Path) -> Collected {
    let name = format!("config/{environment}.toml");
    let path = directory.join(&name);
    let mut collected = match fs::read_to_string(&path) {
        Ok(text) => {
            let mut collected = layers::from_toml(&text, &name);
            if collected.layer.has_secrets() {
                collected.watch(&path);
            }
            collected
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            layers::from_toml(environment.embedded(), &format!("{BUILT_IN}{name}"))
        }
        Err(error) => unreadable(&name, &error),
    };
    if collected.layer.has("app.environment") {
        let wrong = Wrong::new(
            "is set in the file that it chooses",
            "remove it there, and set ENVIRONMENT in the environment or in .env",
        );
        collected.problem(wrong.at("app.environment", name));
    }
    collected
}

/// Reads the variables of `.env` into a layer.
fn dotenv_file<'d>(directory: &'d Path, environment: &Variables<'_>) -> (Variables<'d>, Collected) {
    let path = directory.join(".env");
    let (file, mut collected) = match fs::read_to_string(&path) {
        Ok(text) => {
            let mut collected = Collected::default();
            collected.watch(&path);
            (dotenv::parse(&text, |name| environment.get(name)), collected)
        }
        // Some container images mount an empty folder there.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::IsADirectory) => {
            (Dotenv::default(), Collected::default())
        }
        Err(error) => (Dotenv::default(), unreadable(".env", &error)),
    };
    collected.warnings.extend(skipped_lines(&file.skipped));
    collected.warnings.extend(unknown::warnings(&file, ".env variable"));
    let values = file.values.into_iter().map(|(name, value)| (name, Some(value))).collect();
    let variables = Variables { values, place: ".env variable", directory };
    variables.collect(&mut collected);
    (variables, collected)
}

/// Returns a warning with the numbers of these lines, or of the first ones. Their content may be a secret.
fn skipped_lines(lines: &[usize]) -> Option<Problem> {
    const SHOWN: usize = 10;
    let numbers: Vec<String> = lines.iter().take(SHOWN).map(usize::to_string).collect();
    let more = lines.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let wrong = Wrong::new(
        format!("has lines that are not NAME=value and were skipped: {}{more}", numbers.join(", ")),
        "write NAME=value, close every quote, and put # before a comment",
    );
    (!lines.is_empty()).then(|| wrong.of(".env", ".env"))
}

fn process_variables(inputs: &Inputs) -> Variables<'_> {
    let values: BTreeMap<String, Option<String>> = inputs
        .variables
        .iter()
        .filter_map(|(name, value)| Some((name.to_str()?.to_owned(), value.to_str().map(str::to_owned))))
        .collect();
    Variables { values, place: "environment variable", directory: &inputs.directory }
}

fn flags(overrides: &Overrides) -> Collected {
    let mut collected = Collected::default();
    let port = overrides.port.map(|port| port.to_string());
    let migrate = overrides.migrate.then(|| "true".to_owned());
    for (path, flag, value) in [
        ("server.host", "--host", overrides.host.as_ref()),
        ("server.port", "--port", port.as_ref()),
        ("database.auto_migrate", "--migrate", migrate.as_ref()),
        ("app.environment", "--environment", overrides.environment.as_ref()),
        ("log.level", "--log-level", overrides.log_level.as_ref()),
    ] {
        if let Some(value) = value {
            collected.layer.set(path, flag, value.as_str());
        }
    }
    collected
}

fn unreadable(name: &str, error: &std::io::Error) -> Collected {
    let mut collected = Collected::default();
    let wrong = Wrong::new(format!("cannot be read: {error}"), "make it readable for this process, or remove it");
    collected.problem(wrong.of(name, name));
    collected
}
