//! Configured roles and their permissions.

use keepstone_service::permission;

use super::*;

/// Returns the only problem of these variables: its key, its message and its fix.
fn problem(variables: &[(&str, &str)]) -> [String; 3] {
    let problems = load(variables).unwrap_err();
    let [problem] = problems.list.as_slice() else { panic!("{problems}") };
    assert_eq!(problem.origin.split(' ').next(), Some("environment"), "{problems}");
    [problem.key.clone(), problem.message.clone(), problem.fix.clone()]
}

#[test]
fn an_added_role_can_be_that_of_new_sign_ups() {
    let settings =
        load(&[("KEEPSTONE__ROLES__AUDITOR", "audit:read,users:read"), ("DEFAULT_ROLE", "Auditor")]).unwrap();
    assert_eq!(settings.roles.scope("auditor"), Some("audit:read users:read"));
    assert_eq!(settings.registration.default_role.as_str(), "auditor");
    assert!(settings.without_effect().is_empty());
}

#[test]
fn a_built_in_role_can_be_redefined_and_the_others_stay() {
    let settings = load(&[("KEEPSTONE__ROLES__EDITOR", "[\"items:read\", \"items:manage\"]")]).unwrap();
    assert_eq!(settings.roles.scope("editor"), Some("items:manage items:read"));
    assert_eq!(settings.roles.scope("user"), Some("items:read items:write"));
    assert_eq!(settings.roles.names().collect::<Vec<_>>(), ["admin", "editor", "user", "viewer"]);
    assert!(permission::ALL.iter().all(|permission| settings.roles.permits("admin", permission)));
}

#[test]
fn a_variable_takes_precedence_over_a_role_in_a_file() {
    let folder = folder(&[("config/test.toml", "[roles]\nauditor = [\"audit:read\"]\nnight_shift-2 = \"items:read\"")]);
    let scope = |variables: &[(&str, &str)], role: &str| {
        let variables: Vec<_> = variables.iter().copied().chain([("ENVIRONMENT", "test")]).collect();
        load_in(folder.path(), &variables).unwrap().roles.scope(role).map(str::to_owned)
    };
    assert_eq!(scope(&[], "auditor").as_deref(), Some("audit:read"));
    assert_eq!(scope(&[], "night_shift-2").as_deref(), Some("items:read"));
    assert_eq!(scope(&[("KEEPSTONE__ROLES__AUDITOR", "*")], "auditor"), scope(&[], "admin"));
    assert_eq!(scope(&[("KEEPSTONE__ROLES__AUDITOR", "")], "auditor").as_deref(), Some("audit:read"), "empty is unset");
}

#[test]
fn an_unknown_permission_is_rejected_with_the_nearest_known_one() {
    for (typed, known) in [("items:raed", "items:read"), ("user:manage", "users:manage"), ("Audit:read", "audit:read")]
    {
        let [key, message, fix] = problem(&[("KEEPSTONE__ROLES__VIEWER", typed)]);
        assert_eq!(key, "KEEPSTONE__ROLES__VIEWER");
        assert_eq!(message, format!("\"{typed}\" is not a permission"));
        assert_eq!(fix, format!("did you mean {known}?"));
    }
    for typed in ["everything", "items:destroy", "items", "users:*", "items:read users:read"] {
        let [_, message, fix] = problem(&[("KEEPSTONE__ROLES__VIEWER", typed)]);
        assert!(message.contains(typed), "{message}");
        assert!(permission::ALL.iter().all(|permission| fix.contains(permission.as_str())), "{fix}");
    }
}

#[test]
fn the_file_of_defaults_lists_every_permission() {
    let text = include_str!("../../../../config/default.toml");
    let remarks: String = text.lines().filter(|line| line.starts_with('#')).collect();
    assert!(permission::ALL.iter().all(|permission| remarks.contains(permission.as_str())), "{remarks}");
}

#[test]
fn a_role_without_permissions_is_rejected() {
    for empty in ["[]", ",", " "] {
        let [key, message, fix] = problem(&[("KEEPSTONE__ROLES__GUEST", empty)]);
        assert_eq!((key.as_str(), message.as_str()), ("KEEPSTONE__ROLES__GUEST", "has no permissions"), "{empty}");
        assert!(fix.contains("items:read"), "{fix}");
    }
    let folder = folder(&[("config/development.toml", "[roles]\nviewer = []\nguest = \"\"\nbroken = [[1]]")]);
    let problems = load_in(folder.path(), &[]).unwrap_err();
    let said: Vec<_> = problems.list.iter().map(|problem| (problem.key.as_str(), problem.message.as_str())).collect();
    assert_eq!(
        said,
        [
            ("KEEPSTONE__ROLES__BROKEN", "is not a list of strings"),
            ("KEEPSTONE__ROLES__GUEST", "has no permissions"),
            ("KEEPSTONE__ROLES__VIEWER", "has no permissions"),
        ]
    );
}

#[test]
fn the_default_role_must_exist_and_not_be_admin() {
    let [key, message, fix] = problem(&[("DEFAULT_ROLE", "auditor")]);
    assert_eq!((key.as_str(), message.as_str()), ("DEFAULT_ROLE", "\"auditor\" is not a role"));
    assert_eq!(fix, "use one of editor, user, viewer");
    let [key, message, _] = problem(&[("DEFAULT_ROLE", "Admin")]);
    assert_eq!(
        (key.as_str(), message.as_str()),
        ("DEFAULT_ROLE", "would grant administrator rights to every new sign-up")
    );
}

#[test]
fn a_role_name_has_1_to_32_plain_characters() {
    let long = format!("KEEPSTONE__ROLES__{}", "A".repeat(33));
    for name in
        ["KEEPSTONE__ROLES__NOT A ROLE", "KEEPSTONE__ROLES__", "KEEPSTONE__ROLES__A.B", "KEEPSTONE__ROLES__É", &long]
    {
        let [key, message, fix] = problem(&[(name, "items:read")]);
        assert_eq!((key.as_str(), message.as_str()), (name, "is not a valid role name"));
        assert!(fix.contains("a-z 0-9 _ -"), "{fix}");
    }
    assert!(load(&[(long.get(..long.len() - 1).unwrap(), "items:read")]).is_ok());
    let folder =
        folder(&[("config/development.toml", "[roles]\nAuditor = [\"audit:read\"]\n\"a b\" = [\"audit:read\"]")]);
    let problems = load_in(folder.path(), &[]).unwrap_err();
    let keys: Vec<_> = problems.list.iter().map(|problem| problem.key.as_str()).collect();
    assert_eq!(keys, ["roles.Auditor", "roles.a b"]);
    assert!(problems.list.iter().all(|problem| problem.fix.contains("a-z 0-9 _ -")), "{problems}");
}

#[test]
fn two_spellings_of_the_same_role_are_rejected() {
    let both = [("KEEPSTONE__ROLES__AUDITOR", "audit:read"), ("KEEPSTONE__ROLES__auditor", "users:read")];
    assert_eq!(wrong(&both), ["KEEPSTONE__ROLES__auditor"]);
}

#[test]
fn permissions_of_admin_cannot_be_removed() {
    let [key, message, fix] = problem(&[("KEEPSTONE__ROLES__ADMIN", "users:read,users:manage")]);
    assert_eq!(key, "KEEPSTONE__ROLES__ADMIN");
    assert_eq!(message, "removes permissions from admin, which must have every one");
    assert!(fix.contains("[\"*\"]"), "{fix}");
    assert!(load(&[("KEEPSTONE__ROLES__ADMIN", "*,users:read")]).is_ok());
}

#[test]
fn all_problems_of_roles_are_reported_at_once() {
    let names = wrong(&[
        ("KEEPSTONE__ROLES__ADMIN", "users:read"),
        ("KEEPSTONE__ROLES__EDITOR", "items:raed,users:raed"),
        ("KEEPSTONE__ROLES__GUEST", "[]"),
        ("KEEPSTONE__ROLES__A B", "items:read"),
        ("DEFAULT_ROLE", "unknown"),
    ]);
    let [a, b, c, d] = ["A B", "ADMIN", "EDITOR", "GUEST"].map(|role| format!("KEEPSTONE__ROLES__{role}"));
    assert_eq!(names, [a, "DEFAULT_ROLE".to_owned(), b, c.clone(), c, d]);
}
