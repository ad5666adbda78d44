//! The pages that links in e-mails lead to. Opening one has no effect, because mail scanners open links, too: the token
//! is after the `#`, which stays in the browser until the user presses the button. Relays that rewrite links may have
//! moved it into the path or the query: the page opens anyway, and its script finds the token.

use actix_web::{
    HttpResponse,
    web::{self, Data},
};

use keepstone_service::Accounts;

use crate::{
    fallback::fallback,
    html::{self, escape},
    server::Options,
};

/// The content of a page.
struct Purpose {
    path: &'static str,
    title: &'static str,
    text: &'static str,
    button: &'static str,
    /// The path below `/auth` that the button calls.
    action: &'static str,
    done: &'static str,
    takes_password: bool,
}

const PURPOSES: [Purpose; 3] = [
    Purpose {
        path: "verify-email",
        title: "Verify your e-mail address",
        text: "Press the button to confirm that this e-mail address is yours.",
        button: "Verify my address",
        action: "verify-email/confirm",
        done: "Thank you. Your address is verified; you can close this page.",
        takes_password: false,
    },
    Purpose {
        path: "reset-password",
        title: "Set a new password",
        text: "All devices that are logged in will have to log in again.",
        button: "Set this password",
        action: "password/reset",
        done: "Your new password is set. Log in with it; you can close this page.",
        takes_password: true,
    },
    Purpose {
        path: "undo-email-change",
        title: "Take back your account",
        text: "Press the button to restore the address of your account to the one that this e-mail was sent to. All devices \
               will be logged out, and the current password will stop working. You will receive an e-mail with a link \
               to set a new one.",
        button: "Restore my address",
        action: "undo-email-change/confirm",
        done: "Your address is restored. Check your e-mail for the link to set a new password.",
        takes_password: false,
    },
];

const STYLE: &str = "mail.css";
const SCRIPT: &str = "mail.js";

/// The pattern of the text that may follow the name of a page: `#token=…` as relays rewrite it. The router has decoded
/// the path once, except `%25`.
const MANGLED: &str = "/?(?:(?:[#?&;]|%(?:25)*(?:23|3f|26|3b)|token(?:=|%(?:25)*3d)).*)?";

impl Purpose {
    /// Returns the path of the page, and the case-insensitive pattern of rewritten links to it.
    fn paths(&self, api_prefix: &str) -> [String; 2] {
        let path = self.path;
        let mangled = format!("{api_prefix}/auth/{{page:(?i:{path})}}{{rest:(?is:{MANGLED})}}");
        [format!("{api_prefix}/auth/{path}"), mangled]
    }
}

/// Returns the paths of the style and the script.
fn assets(api_prefix: &str) -> [String; 2] {
    [STYLE, SCRIPT].map(|name| format!("{api_prefix}/auth/{name}"))
}

/// Returns the paths, for 405 responses.
pub fn paths(api_prefix: &str) -> Vec<String> {
    let pages = PURPOSES.iter().flat_map(|purpose| purpose.paths(api_prefix));
    pages.chain(assets(api_prefix)).collect()
}

/// Registers the routes. They need no credentials, and are the same for all clients.
pub fn routes(api_prefix: &str) -> impl FnOnce(&mut web::ServiceConfig) + use<> {
    let pages = PURPOSES.each_ref().map(|purpose| purpose.paths(api_prefix));
    let [style, script] = assets(api_prefix);
    move |config| {
        for (paths, purpose) in pages.into_iter().zip(&PURPOSES) {
            let show = async |options: Data<Options>, accounts: Data<Accounts>| {
                page(purpose, &options, accounts.rules().password_policy.min_length())
            };
            let resource = web::resource(Vec::from(paths)).route(web::get().to(show));
            config.service(resource.default_service(web::to(fallback)));
        }
        let css = async || html::file("text/css; charset=utf-8").body(include_str!("pages/mail.css"));
        let js = async || html::file("text/javascript; charset=utf-8").body(include_str!("pages/mail.js"));
        config.route(&style, web::get().to(css)).route(&script, web::get().to(js));
    }
}

fn page(purpose: &Purpose, options: &Options, min_length: usize) -> HttpResponse {
    let password = if purpose.takes_password { include_str!("pages/mail_password.html") } else { "" };
    let page = include_str!("pages/mail.html")
        .replace("{base}", &options.api_path("/auth"))
        .replace("{path}", purpose.path)
        .replace("{title}", purpose.title)
        .replace("{text}", purpose.text)
        .replace("{button}", purpose.button)
        .replace("{action}", purpose.action)
        .replace("{done}", purpose.done)
        .replace("{password}", password)
        .replace("{min_length}", &min_length.to_string())
        .replace("{product}", &escape(&options.title));
    html::page("script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'").body(page)
}
