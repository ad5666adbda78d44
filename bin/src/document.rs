//! Derives the options of the OpenAPI document from the settings, for the server and for `keepstone openapi`.

use keepstone_http::DocumentOptions;

use crate::settings::Settings;

/// Returns the options of the document.
pub fn options(settings: &Settings) -> DocumentOptions {
    let (app, default_role) = (&settings.app, &settings.registration.default_role);
    DocumentOptions {
        title: app.name.clone(),
        version: app.version.clone(),
        api_prefix: app.api_prefix.clone(),
        public_url: app.public_url.clone(),
        token_case: settings.token_case(),
        access_token_lifetime: settings.jwt.access_ttl.as_secs(),
        conceals_registration: settings.registration.conceal,
        password_min_length: settings.password.min_length,
        roles: settings.roles.names().map(str::to_owned).collect(),
        default_role: default_role.to_string(),
        default_scope: settings.roles.scope(default_role.as_str()).unwrap_or_default().to_owned(),
    }
}
