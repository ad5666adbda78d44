// A typical client, with types generated from specs/openapi.json. If it compiles, the document contains what clients
// need. If it ends without an exception, the server behaves as documented.
// Usage: node built/src/main.js http://127.0.0.1:8000 admin@example.com, with the password below.

import { deepStrictEqual as same, notStrictEqual as differs, ok, strictEqual as is } from "node:assert";
import createClient from "openapi-fetch";
import type { components, paths } from "../generated/keepstone.js";

type Problem = components["schemas"]["Problem"];
type Item = components["schemas"]["Item"];

const [baseUrl, admin] = process.argv.slice(2);
ok(baseUrl && admin, "the addresses of a server and of its administrator are missing");

const password = "correct horse battery";
type Api = ReturnType<typeof client>;

function client(token?: string) {
  const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
  return createClient<paths>({ baseUrl: baseUrl!, headers });
}

/** Returns the body of a successful response. Throws for an error response. */
function good<T>(answer: { data?: T; error?: unknown; response: Response }): NonNullable<T> {
  if (answer.data === undefined || answer.data === null) {
    throw new Error(`${answer.response.status} from ${answer.response.url}: ${JSON.stringify(answer.error)}`);
  }
  return answer.data;
}

/** Returns the problem of an error response, which must have this status. */
function refused(answer: { error?: Problem; response: Response }, status: number): Problem {
  is(answer.response.status, status);
  ok(answer.error, "an error response has a body");
  is(answer.error.status, status);
  return answer.error;
}

async function register(email: string): Promise<void> {
  const body = { email, password, name: "Ada Lovelace" };
  const user = good(await client().POST("/api/v1/auth/register", { body }));
  is(user.email, email);
  is(user.is_active, true);
}

async function logInByJson(email: string): Promise<Api> {
  const api = client();
  const wrong = await api.POST("/api/v1/auth/login", { body: { email, password: "another one" } });
  is(refused(wrong, 401).code, "invalid_credentials");
  const tokens = good(await api.POST("/api/v1/auth/login", { body: { email, password } }));
  is(tokens.token_type.toLowerCase(), "bearer");
  return client(tokens.access_token);
}

async function logInByForm(username: string): Promise<Api> {
  const headers = { "Content-Type": "application/x-www-form-urlencoded" };
  const answer = await client().POST("/api/v1/auth/login", { body: { username, password }, headers });
  return client(good(answer).access_token);
}

async function createItems(api: Api): Promise<void> {
  const header = { "Idempotency-Key": "the-first" };
  const body = { title: "Keystone", description: "Holds the arch together." };
  const first = await api.POST("/api/v1/items", { params: { header }, body });
  const again = await api.POST("/api/v1/items", { params: { header }, body });
  same(good(again), good(first));
  is(first.response.headers.get("Idempotency-Replayed"), null);
  is(again.response.headers.get("Idempotency-Replayed"), "true");

  const other = await api.POST("/api/v1/items", { params: { header }, body: { title: "Other" } });
  is(refused(other, 422).code, "idempotency_key_reused");
  const bad = refused(await api.POST("/api/v1/items", { body: { title: "" } }), 422);
  same(bad.errors?.map((fault) => fault.loc), [["body", "title"]]);
  for (const title of ["Springer", "Voussoir"]) {
    good(await api.POST("/api/v1/items", { body: { title } }));
  }
}

async function listItems(api: Api): Promise<Item[]> {
  const all: Item[] = [];
  let cursor: string | null | undefined;
  do {
    const query = cursor ? { limit: 2, cursor } : { limit: 2 };
    const page = good(await api.GET("/api/v1/items", { params: { query } }));
    ok(page.items.length <= 2);
    all.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor);
  same(all.map((item) => item.title), ["Voussoir", "Springer", "Keystone"]);
  return all;
}

async function changeItem(api: Api, { id }: Item): Promise<void> {
  const path = { id };
  const found = await api.GET("/api/v1/items/{id}", { params: { path } });
  const seen = found.response.headers.get("ETag");
  ok(seen, "an item has a version");

  const header = { "If-Match": seen };
  const changed = await api.PATCH("/api/v1/items/{id}", { params: { path, header }, body: { title: "Crown" } });
  is(good(changed).title, "Crown");
  differs(changed.response.headers.get("ETag"), seen);

  const late = await api.PATCH("/api/v1/items/{id}", { params: { path, header }, body: { title: "Base" } });
  is(refused(late, 412).code, "precondition_failed");
  refused(await api.DELETE("/api/v1/items/{id}", { params: { path, header } }), 412);

  is((await api.DELETE("/api/v1/items/{id}", { params: { path } })).response.status, 204);
  is(refused(await api.GET("/api/v1/items/{id}", { params: { path } }), 404).code, "item_not_found");
}

async function listUsers(api: Api): Promise<void> {
  const path = "/api/v1/users";
  const first = good(await api.GET(path, { params: { query: { limit: 1 } } }));
  ok(first.next_cursor, "there is more than one user");
  const next = good(await api.GET(path, { params: { query: { limit: 1, cursor: first.next_cursor } } }));
  is(next.next_cursor, null);
  same([...first.items, ...next.items].map((user) => user.email), ["ada@example.com", admin]);
}

await register("ada@example.com");
const ada = await logInByJson("ada@example.com");
await createItems(ada);
const [newest] = await listItems(ada);
await changeItem(ada, newest!);
is(refused(await ada.GET("/api/v1/users"), 403).code, "insufficient_permissions");
is(refused(await client().GET("/api/v1/users/me"), 401).code, "not_authenticated");
await listUsers(await logInByForm(admin));
console.log("all requests succeeded");
