//! `/items`: CRUD and search.

use actix_web::{HttpRequest, delete, get, patch, post, web::Data};
use keepstone_domain::{
    Answer, Description, Item, ItemFilter, ItemId, ItemPatch, NewItem, SearchText, Timestamp, Title, UserId,
};
use keepstone_service::{Idempotency, Items};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    etag::{ETag, IfMatch, IfMatchHeader, IfNoneMatchHeader},
    extract::{Authenticated, IdPath, IdempotencyKeyHeader, Making, Valid},
    field::{Checker, Field, Input},
    page::{Filter, Listing, PageView, PagingQuery},
    problem::ApiResult,
    query::Query,
    respond::{Created, Json, NoContent, Once, Tagged},
    server::Options,
};

/// An item.
#[derive(Serialize, ToSchema)]
#[schema(as = Item)]
pub struct ItemView {
    #[schema(value_type = uuid::Uuid)]
    id: ItemId,
    #[schema(example = "Keystone")]
    title: String,
    #[schema(example = "Holds the arch together.")]
    description: Option<String>,
    /// The user who owns the item.
    #[schema(value_type = uuid::Uuid)]
    owner_id: UserId,
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    #[schema(value_type = String, format = "date-time")]
    updated_at: Timestamp,
}

impl From<Item> for ItemView {
    fn from(item: Item) -> Self {
        Self {
            id: item.id,
            title: item.title.to_string(),
            description: item.description.map(|text| text.to_string()),
            owner_id: item.owner_id,
            created_at: item.created_at,
            updated_at: item.updated_at,
        }
    }
}

impl ItemView {
    /// Creates the response for a new item.
    fn created(item: &Item, options: &Options) -> Answer {
        let location = options.api_path(&format!("/items/{}", item.id));
        Created::answer(&Self::from(item.clone()), &ETag::of(item.version), location)
    }
}

impl From<Item> for Tagged<ItemView> {
    fn from(item: Item) -> Self {
        Self { etag: ETag::of(item.version), body: item.into() }
    }
}

/// A new item.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewItem)]
pub struct NewItemBody {
    #[serde(default)]
    #[schema(required = true, value_type = String, min_length = 1, max_length = 255, example = "Keystone")]
    title: Field<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 10_000)]
    description: Field<String>,
}

impl Input for NewItemBody {
    type Output = NewItem;

    fn check(self, checker: &mut Checker) -> Option<NewItem> {
        let title = checker.required("title", self.title, |text| Title::parse(&text));
        let description = checker.optional("description", self.description, |text| Description::parse(&text));
        Some(NewItem { title: title?, description: description? })
    }
}

/// Changes of an item. Omitted members keep their values.
#[derive(Deserialize, ToSchema)]
#[schema(as = ItemPatch)]
pub struct ItemPatchBody {
    /// A new title.
    #[serde(default)]
    #[schema(value_type = Option<String>, nullable = false, min_length = 1, max_length = 255)]
    title: Field<String>,
    /// A new description; null removes it.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 10_000)]
    description: Field<String>,
}

impl Input for ItemPatchBody {
    type Output = ItemPatch;

    fn check(self, checker: &mut Checker) -> Option<ItemPatch> {
        let title = checker.changed("title", self.title, |text| Title::parse(&text));
        let description = checker.changed_or_cleared("description", self.description, |text| Description::parse(&text));
        Some(ItemPatch { title: title?, description: description? })
    }
}

/// The query of a search.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only its schema is used; the request is parsed by hand")]
pub struct SearchQuery {
    /// Case-insensitive substring of the title or the description. No character is special.
    #[param(min_length = 1, max_length = 100)]
    q: String,
}

/// The text to search for, which is required.
pub struct Search(SearchText);

impl Filter for Search {
    const NAMES: &'static [&'static str] = &["q"];

    fn read(query: &mut Query<'_>) -> Option<Self> {
        query.required("q", SearchText::parse).map(Self)
    }
}

/// List items
///
/// Returns all items, newest first. Requires `items:read`.
#[utoipa::path(
    tag = "items",
    operation_id = "listItems",
    params(PagingQuery),
    responses(
        (status = OK, body = PageView<ItemView>),
    ),
    security(("oauth2" = [])),
    extensions(("x-problems" = json!(["insufficient_permissions"]))),
)]
#[get("")]
pub async fn list(caller: Authenticated, listing: Listing, items: Data<Items>) -> ApiResult<Json<PageView<ItemView>>> {
    let page = items.list(&caller, &ItemFilter::default(), &listing.page).await?;
    Ok(Json(listing.answer(page, ItemView::from)))
}

/// List your items
///
/// Returns the caller's own items, newest first. Requires `items:read`.
#[utoipa::path(
    tag = "items",
    operation_id = "listMyItems",
    params(PagingQuery),
    responses(
        (status = OK, body = PageView<ItemView>),
    ),
    security(("oauth2" = [])),
    extensions(("x-problems" = json!(["insufficient_permissions"]))),
)]
#[get("/my")]
pub async fn list_my(
    caller: Authenticated,
    listing: Listing,
    items: Data<Items>,
) -> ApiResult<Json<PageView<ItemView>>> {
    let filter = ItemFilter { owner_id: Some(caller.user.id), ..ItemFilter::default() };
    let page = items.list(&caller, &filter, &listing.page).await?;
    Ok(Json(listing.answer(page, ItemView::from)))
}

/// Search items
///
/// Returns the items whose title or description contains a text, newest first. Requires `items:read`.
#[utoipa::path(
    tag = "items",
    operation_id = "searchItems",
    params(SearchQuery, PagingQuery),
    responses(
        (status = OK, body = PageView<ItemView>),
    ),
    security(("oauth2" = [])),
    extensions(("x-problems" = json!(["insufficient_permissions"]))),
)]
#[get("/search")]
pub async fn search(
    caller: Authenticated,
    listing: Listing<Search>,
    items: Data<Items>,
) -> ApiResult<Json<PageView<ItemView>>> {
    let filter = ItemFilter { search: Some(listing.filter.0.clone()), ..ItemFilter::default() };
    let page = items.list(&caller, &filter, &listing.page).await?;
    Ok(Json(listing.answer(page, ItemView::from)))
}

/// Create an item
///
/// Creates an item owned by the caller. Requires `items:write`.
#[utoipa::path(
    tag = "items",
    operation_id = "createItem",
    request_body = NewItemBody,
    params(IdempotencyKeyHeader),
    responses(
        (status = CREATED, body = ItemView),
    ),
    security(("oauth2" = [])),
    extensions(("x-problems" = json!(["insufficient_permissions"]))),
)]
#[post("")]
pub async fn create(
    caller: Authenticated,
    item: Making<NewItemBody>,
    request: HttpRequest,
    items: Data<Items>,
    requests: Data<Idempotency>,
    options: Data<Options>,
) -> ApiResult<Once> {
    let answer = move |item: &_| ItemView::created(item, &options);
    let make = async |item, receipt| items.create(&caller, item, receipt).await;
    item.once(&request, Some(caller.user.id), &requests, answer, make).await
}

/// Get an item
///
/// Returns an item. Requires `items:read`.
#[utoipa::path(
    tag = "items",
    operation_id = "getItem",
    params(IfNoneMatchHeader, ("id" = uuid::Uuid, Path, description = "The id of the item.")),
    responses(
        (status = OK, body = ItemView),
    ),
    security(("oauth2" = [])),
    extensions(("x-problems" = json!(["insufficient_permissions", "item_not_found"]))),
)]
#[get("/{id}")]
pub async fn find(caller: Authenticated, id: IdPath<ItemId>, items: Data<Items>) -> ApiResult<Tagged<ItemView>> {
    Ok(items.find(&caller, id.0).await?.into())
}

/// Update an item
///
/// Updates an item: your own with `items:write`, any with `items:manage`. Omitted members keep their values.
#[utoipa::path(
    tag = "items",
    operation_id = "updateItem",
    params(IfMatchHeader, ("id" = uuid::Uuid, Path, description = "The id of the item.")),
    request_body = ItemPatchBody,
    responses(
        (status = OK, body = ItemView),
    ),
    security(("oauth2" = [])),
    extensions(("x-problems" = json!(["insufficient_permissions", "item_not_found"]))),
)]
#[patch("/{id}")]
pub async fn update(
    caller: Authenticated,
    id: IdPath<ItemId>,
    expected: IfMatch,
    patch: Valid<ItemPatchBody>,
    items: Data<Items>,
) -> ApiResult<Tagged<ItemView>> {
    Ok(items.update(&caller, id.0, &expected.0, &patch.0).await?.into())
}

/// Delete an item
///
/// Deletes an item: your own with `items:write`, any with `items:manage`.
#[utoipa::path(
    tag = "items",
    operation_id = "deleteItem",
    params(IfMatchHeader, ("id" = uuid::Uuid, Path, description = "The id of the item.")),
    responses(
        (status = NO_CONTENT),
    ),
    security(("oauth2" = [])),
    extensions(("x-problems" = json!(["insufficient_permissions", "item_not_found"]))),
)]
#[delete("/{id}")]
pub async fn delete(
    caller: Authenticated,
    id: IdPath<ItemId>,
    expected: IfMatch,
    items: Data<Items>,
) -> ApiResult<NoContent> {
    items.delete(&caller, id.0, &expected.0).await?;
    Ok(NoContent)
}
