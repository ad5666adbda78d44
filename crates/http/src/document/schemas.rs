//! Completes all schemas: lists refer to their rows, responses always contain nullable members, and limits are those of
//! the configuration.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use utoipa::openapi::{
    Components, Content, OneOf, Ref, RefOr, Schema,
    path::Operation,
    schema::{AnyOfBuilder, ArrayItems, Object, SchemaFormat, SchemaType, Type},
};

use super::{DocumentOptions, schema_ref};
use crate::closed_list::RoleSchema;

const SCHEMAS: &str = "#/components/schemas/";
/// The prefix of utoipa's name for a list: that of `Item` is `PageView_Item`, which clients know as `ItemPage`.
const LIST: &str = "PageView_";

/// Completes every schema. `taken` are those of request bodies.
pub fn complete(components: &mut Components, taken: &BTreeSet<String>, options: &DocumentOptions) {
    let all = std::mem::take(&mut components.schemas);
    components.schemas = all.into_iter().map(|(name, schema)| named(name, schema)).collect();
    for (name, schema) in &mut components.schemas {
        let RefOr::T(schema) = schema else { continue };
        match schema {
            Schema::Object(object) => {
                complete_object(object, options);
                if !taken.contains(name) {
                    require_nullable(object);
                }
            }
            Schema::OneOf(one) => *schema = any_of(one),
            _ => {}
        }
    }
    let mut role = RoleSchema::of(options.roles.iter().map(String::as_str));
    role.example = Some(json!(options.default_role));
    components.schemas.insert("Role".to_owned(), Schema::from(role).into());
    for (schema, member, value) in [
        ("Health", "version", json!(options.version)),
        ("TokenPair", "expires_in", json!(options.access_token_lifetime)),
        ("TokenPair", "expiresIn", json!(options.access_token_lifetime)),
        ("TokenPair", "scope", json!(options.default_scope)),
    ] {
        set_example(components, schema, member, value);
    }
}

/// Renames a list to the name that clients know, and replaces its row schema by a reference.
fn named(name: String, mut schema: RefOr<Schema>) -> (String, RefOr<Schema>) {
    let Some(row) = name.strip_prefix(LIST) else { return (name, schema) };
    if let RefOr::T(Schema::Object(list)) = &mut schema
        && let Some(RefOr::T(Schema::Array(items))) = list.properties.get_mut("items")
    {
        items.items = ArrayItems::RefOrSchema(Box::new(schema_ref(row)));
    }
    (format!("{row}Page"), schema)
}

/// Changes a reference to a list to the name that clients know.
pub fn name_list(content: &mut Content) {
    if let Some(RefOr::Ref(Ref { ref_location, .. })) = &mut content.schema
        && let Some(row) = ref_location.strip_prefix(SCHEMAS).and_then(|name| name.strip_prefix(LIST))
    {
        *ref_location = format!("{SCHEMAS}{row}Page");
    }
}

/// Returns the names of the schemas of an operation's request body.
pub fn names_taken(operation: &mut Operation) -> Vec<String> {
    let Some(RefOr::T(body)) = &operation.request_body else { return Vec::new() };
    let text = serde_json::to_string(&body.content).unwrap_or_default();
    text.split(SCHEMAS).skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
}

/// Returns the description of the referenced schema.
pub fn description(components: &Components, reference: &Ref) -> Option<String> {
    match components.schemas.get(reference.ref_location.strip_prefix(SCHEMAS)?)? {
        RefOr::T(Schema::Object(object)) => object.description.clone(),
        RefOr::T(Schema::AnyOf(any)) => any.description.clone(),
        _ => None,
    }
}

/// Joins the lines of each paragraph, which are wrapped as in the source.
pub fn unwrap_lines(text: &mut Option<String>) {
    if let Some(text) = text {
        let paragraphs = text.split("\n\n").map(|paragraph| paragraph.replace('\n', " "));
        *text = paragraphs.collect::<Vec<_>>().join("\n\n");
    }
}

/// Removes null from the types of a schema.
pub fn forbid_null(schema: &mut RefOr<Schema>) {
    match schema {
        RefOr::T(Schema::Object(Object { schema_type, .. })) => {
            if let SchemaType::Array(types) = schema_type
                && let Some(kind) = types.iter().find(|kind| **kind != Type::Null).cloned()
            {
                *schema_type = SchemaType::Type(kind);
            }
        }
        RefOr::T(Schema::OneOf(OneOf { items, description, .. })) => {
            items.retain(|item| !is_null(item));
            if let (1, Some(mut only)) = (items.len(), items.pop()) {
                if let (RefOr::Ref(reference), Some(text)) = (&mut only, description.take()) {
                    reference.description = text;
                }
                *schema = only;
            }
        }
        _ => {}
    }
}

fn complete_object(object: &mut Object, options: &DocumentOptions) {
    unwrap_lines(&mut object.description);
    for member in object.properties.values_mut() {
        match member {
            RefOr::T(Schema::Object(member)) => {
                unwrap_lines(&mut member.description);
                let is_password = matches!(&member.format, Some(SchemaFormat::Custom(name)) if name == "password");
                if is_password && member.min_length.is_some() {
                    member.min_length = Some(options.password_min_length);
                }
            }
            RefOr::T(Schema::Array(member)) => unwrap_lines(&mut member.description),
            RefOr::T(Schema::OneOf(member)) => unwrap_lines(&mut member.description),
            _ => {}
        }
    }
}

/// Marks nullable members as required, since responses always contain them.
fn require_nullable(object: &mut Object) {
    for (name, schema) in &object.properties {
        if may_be_null(schema) && !object.required.contains(name) {
            object.required.push(name.clone());
        }
    }
}

fn may_be_null(schema: &RefOr<Schema>) -> bool {
    let has_null = |kind: &SchemaType| matches!(kind, SchemaType::Array(types) if types.contains(&Type::Null));
    match schema {
        RefOr::T(Schema::Object(object)) => has_null(&object.schema_type),
        RefOr::T(Schema::Array(array)) => has_null(&array.schema_type),
        RefOr::T(Schema::OneOf(OneOf { items, .. })) => items.iter().any(is_null),
        _ => false,
    }
}

fn is_null(schema: &RefOr<Schema>) -> bool {
    matches!(schema, RefOr::T(Schema::Object(object)) if object.schema_type == SchemaType::Type(Type::Null))
}

/// Converts `oneOf` to `anyOf`, since more than one of overlapping alternatives may match.
fn any_of(one: &mut OneOf) -> Schema {
    let any = one.items.drain(..).fold(AnyOfBuilder::new(), AnyOfBuilder::item);
    any.description(one.description.take()).build().into()
}

fn set_example(components: &mut Components, schema: &str, member: &str, value: Value) {
    if let Some(RefOr::T(Schema::Object(object))) = components.schemas.get_mut(schema)
        && let Some(RefOr::T(Schema::Object(member))) = object.properties.get_mut(member)
    {
        member.example = Some(value);
    }
}
