//! `specs/database-schema.json` describes the schema that the migrations create. Each database has its part, and a run
//! compares (or, with `UPDATE_SPECS=1`, writes) the part of its own database.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::{Value, json};

use crate::harness::{Opened, schema};

/// Describes columns, indexes and the names of triggers, by table.
fn described(lines: &[String]) -> Value {
    let mut tables = json!({});
    for part in lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let table = &mut tables[part["table"].as_str().unwrap()];
        let name = |what: &str| part[what].as_str();
        if let Some(column) = name("column") {
            let kind = unpadded(part["type"].as_str().unwrap());
            table["columns"][column] = json!({"type": kind, "nullable": is_true(&part["nullable"])});
        } else if let Some(index) = name("index") {
            let columns: Vec<&str> = part["columns"].as_str().unwrap().split(", ").collect();
            table["indexes"][index] = json!({"columns": columns, "unique": is_true(&part["unique"])});
            if let Some(condition) = name("condition") {
                table["indexes"][index]["condition"] = condition.into();
            }
        } else if let Some(trigger) = name("trigger") {
            let triggers = &mut table["triggers"];
            if triggers.is_null() {
                *triggers = json!([]);
            }
            triggers.as_array_mut().unwrap().push(trigger.into());
        }
    }
    tables
}

/// Some databases represent booleans as numbers.
fn is_true(value: &Value) -> bool {
    *value == true || *value == 1
}

/// Removes the display width of integer types, which only older servers report.
fn unpadded(kind: &str) -> String {
    match kind.split_once("int(") {
        Some((size, width)) if size != "tiny" => format!("{size}int{}", width.split_once(')').unwrap().1),
        _ => kind.to_owned(),
    }
}

/// Renders JSON with a line for each column, index and trigger.
fn rendered(value: &Value, depth: usize) -> String {
    let indent = "  ".repeat(depth);
    let (brackets, members): (_, Vec<String>) = match value {
        Value::Object(members) if depth < 4 => {
            let members = members.iter().map(|(name, member)| (json!(name), rendered(member, depth + 1)));
            (["{", "}"], members.map(|(name, member)| format!("{indent}  {name}: {member}")).collect())
        }
        Value::Array(members) if depth < 4 => {
            (["[", "]"], members.iter().map(|member| format!("{indent}  {member}")).collect())
        }
        _ => return value.to_string(),
    };
    format!("{}\n{}\n{indent}{}", brackets[0], members.join(",\n"), brackets[1])
}

/// Returns each column, index and trigger with its path.
fn entries(tables: &Value) -> BTreeSet<String> {
    let mut entries = BTreeSet::new();
    for (table, sections) in tables.as_object().into_iter().flatten() {
        for (section, parts) in sections.as_object().unwrap() {
            let parts: Vec<String> = match parts {
                Value::Object(parts) => parts.iter().map(|(name, part)| format!("{name} {part}")).collect(),
                parts => parts.as_array().unwrap().iter().map(Value::to_string).collect(),
            };
            entries.extend(parts.into_iter().map(|part| format!("{table} {section} {part}")));
        }
    }
    entries
}

#[expect(clippy::disallowed_methods, reason = "a test reads no settings")]
fn is_to_be_written() -> bool {
    std::env::var("UPDATE_SPECS").is_ok_and(|value| value == "1")
}

#[tokio::test]
async fn the_recorded_schema_is_what_the_migrations_create() {
    let opened = Opened::migrated().await;
    let made = described(&schema(&opened).await);
    let database = opened.kind.to_string();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../specs/database-schema.json");
    let mut all: Value = fs::read(&file).map_or(json!({}), |text| serde_json::from_slice(&text).unwrap());
    if is_to_be_written() {
        all[&database] = made;
        fs::write(&file, rendered(&all, 0) + "\n").unwrap();
        return;
    }
    let (kept, made) = (entries(&all[&database]), entries(&made));
    let (removed, new) = (&kept - &made, &made - &kept);
    assert!(
        kept == made,
        "specs/database-schema.json does not match the migrations on {database}; if they are right, run `make specs`\n\
         only recorded: {removed:#?}\nonly created: {new:#?}"
    );
}

#[test]
fn the_display_width_of_integers_is_removed() {
    for (kind, kept) in [
        ("bigint(20)", "bigint"),
        ("int(11)", "int"),
        ("int", "int"),
        ("tinyint(1)", "tinyint(1)"),
        ("varchar(254)", "varchar(254)"),
        ("datetime(6)", "datetime(6)"),
    ] {
        assert_eq!(unpadded(kind), kept);
    }
}
