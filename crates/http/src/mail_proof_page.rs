//! The pages that links in e-mails lead to. Looking at one does nothing, because programs look at links, too: the token
//! is behind the `#`, which stays in the browser until somebody presses the button.

use actix_web::{
    HttpResponse,
    web::{self, Data},
};

use keepstone_service::Accounts;

use crate::{
    html::{self, escape},
    server::Options,
};

/// What a page is for.
struct Purpose {
    path: &'static str,
    title: &'static str,
    text: &'static str,
    button: &'static str,
    /// What the button calls, seen from the page.
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
        text: "Press the button to give your account the address back that this e-mail was sent to. Everybody who is logged \
               in to it will be logged out, its password will not work any more, and you will get an e-mail with a link \
               to set a new one.",
        button: "Restore my address",
        action: "undo-email-change/confirm",
        done: "Your address is restored. Look for the e-mail with the link to set a new password.",
        takes_password: false,
    },
];

const STYLE: &str = "mail.css";
const SCRIPT: &str = "mail.js";

/// The paths, for those who ask with another method than GET.
pub fn paths(api_prefix: &str) -> Vec<String> {
    let pages = PURPOSES.iter().map(|purpose| purpose.path);
    pages.chain([STYLE, SCRIPT]).map(|name| format!("{api_prefix}/auth/{name}")).collect()
}

/// The routes. They need no credentials, and are the same for everybody.
pub fn routes(api_prefix: &str) -> impl FnOnce(&mut web::ServiceConfig) + use<> {
    let path = |name| format!("{api_prefix}/auth/{name}");
    let pages = PURPOSES.each_ref().map(|purpose| path(purpose.path));
    let (style, script) = (path(STYLE), path(SCRIPT));
    move |config| {
        for (path, purpose) in pages.iter().zip(&PURPOSES) {
            let show = async |options: Data<Options>, accounts: Data<Accounts>| {
                page(purpose, &options.title, accounts.rules().password_policy.min_length())
            };
            config.route(path, web::get().to(show));
        }
        let css = async || html::file("text/css; charset=utf-8").body(include_str!("pages/mail.css"));
        let js = async || html::file("text/javascript; charset=utf-8").body(include_str!("pages/mail.js"));
        config.route(&style, web::get().to(css)).route(&script, web::get().to(js));
    }
}

fn page(purpose: &Purpose, product: &str, min_length: usize) -> HttpResponse {
    let password = if purpose.takes_password { include_str!("pages/mail_password.html") } else { "" };
    let page = include_str!("pages/mail.html")
        .replace("{title}", purpose.title)
        .replace("{text}", purpose.text)
        .replace("{button}", purpose.button)
        .replace("{action}", purpose.action)
        .replace("{done}", purpose.done)
        .replace("{password}", password)
        .replace("{min_length}", &min_length.to_string())
        .replace("{product}", &escape(product));
    html::page("script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'").body(page)
}
