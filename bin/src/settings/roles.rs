//! The roles: names for sets of permissions. All problems are reported at once, and the resulting table needs no
//! further
//! checks.

use keepstone_auth::permission::{Permission, Roles};
use keepstone_domain::RoleName;
use keepstone_service::permission::ALL;

use super::keys;
use super::layers::Tree;
use super::problems::{Wrong, quoted};
use super::reader::Reader;

const ADMIN: &str = "admin";
/// The name for every permission.
const EVERYTHING: &str = "*";

/// Reads all roles of the tree.
pub(super) fn roles(reader: &mut Reader<'_>, tree: &Tree) -> Roles {
    let mut table = Vec::new();
    for name in tree.roles() {
        let path = format!("{}.{name}", keys::ROLES);
        let problems = reader.count();
        let names = reader.list(&path);
        if names.is_empty() && reader.count() == problems {
            reader.refuse(&path, Wrong::new("has no permissions", format!("grant {}", known())));
        }
        if name == ADMIN && !names.is_empty() && !names.iter().any(|name| name == EVERYTHING) {
            let message = "removes permissions from admin, which must have every one";
            reader.refuse(&path, Wrong::new(message, "write [\"*\"], and define another role"));
        }
        let mut permissions = Vec::new();
        for name in names {
            match find(&name) {
                Ok(found) => permissions.extend_from_slice(found),
                Err(wrong) => reader.refuse(&path, wrong),
            }
        }
        if !permissions.is_empty() {
            table.push((name, permissions));
        }
    }
    Roles::new(table).unwrap_or_else(|error| {
        reader.refuse(keys::ROLES, Wrong::new(error.to_string(), "write it as config/default.toml does"));
        Roles::default()
    })
}

fn find(name: &str) -> Result<&'static [Permission], Wrong> {
    if name == EVERYTHING {
        return Ok(ALL);
    }
    let found = ALL.iter().find(|permission| permission.as_str() == name);
    found.map(std::slice::from_ref).ok_or_else(|| {
        let nearest = keys::nearest(name, ALL.iter().map(ToString::to_string));
        let fix = nearest.map_or_else(|| format!("use {}", known()), |nearest| format!("did you mean {nearest}?"));
        Wrong::new(format!("{} is not a permission", quoted(name)), fix)
    })
}

fn known() -> String {
    format!(
        "some of {}, or {EVERYTHING} for every one",
        ALL.iter().map(Permission::as_str).collect::<Vec<_>>().join(", ")
    )
}

/// Parses the role of new sign-ups: a role of the tree, but not the administrator's.
pub(super) fn default_role(text: &str, tree: &Tree) -> Result<RoleName, Wrong> {
    let names: Vec<String> = tree.roles().into_iter().filter(|name| name != ADMIN).collect();
    let fix = || format!("use one of {}", names.join(", "));
    let role = text.to_ascii_lowercase();
    if role == ADMIN {
        return Err(Wrong::new("would grant administrator rights to every new sign-up", fix()));
    }
    let found = names.iter().find(|name| **name == role).and_then(|name| RoleName::parse(name).ok());
    found.ok_or_else(|| Wrong::new(format!("{} is not a role", quoted(text)), fix()))
}
