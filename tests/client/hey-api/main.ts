// A client whose functions @hey-api/openapi-ts generated from the document that the server itself serves: it logs in, creates
// and lists items, refreshes its tokens and logs out.
// Usage: node built/main.js http://127.0.0.1:8000 admin@example.com, with the password below.

import { deepStrictEqual as same, notStrictEqual as differs, ok, strictEqual as is } from "node:assert";
import { client } from "./generated/client.gen.js";
import { createItem, getMe, listItems, login, logout, refreshTokens } from "./generated/sdk.gen.js";
import type { Item, ItemPage, Problem, TokenPair, User } from "./generated/types.gen.js";

const [baseUrl, email] = process.argv.slice(2);
ok(baseUrl && email, "the addresses of a server and of its administrator are missing");

const password = "correct horse battery";
let tokens: TokenPair | undefined;
client.setConfig({ baseUrl, auth: () => tokens?.access_token });

/** The refusal that a request must have met with. */
function refused(answer: { error?: Problem; response?: Response }, status: number): Problem {
  is(answer.response?.status, status);
  ok(answer.error, "a refusal has a body");
  return answer.error;
}

is(refused(await getMe(), 401).code, "not_authenticated");
is(refused(await login({ body: { email, password: "another one" } }), 401).code, "invalid_credentials");
tokens = (await login({ body: { email, password }, throwOnError: true })).data;
const me: User = (await getMe({ throwOnError: true })).data;
same([me.email, me.role, me.deleted_at], [email, "admin", null]);

const body = { title: "Keystone", description: "Holds the arch together." };
const made: Item = (await createItem({ body, throwOnError: true })).data;
same([made.title, made.description, made.owner_id], [body.title, body.description, me.id]);
const invalid = refused(await createItem({ body: { title: "" } }), 422);
same(invalid.errors?.map((fault) => fault.loc), [["body", "title"]]);
const page: ItemPage = (await listItems({ query: { page_size: 5 }, throwOnError: true })).data;
same([page.items, page.total, page.next_cursor], [[made], 1, null]);

const first: TokenPair = tokens;
const answer = await refreshTokens({ body: { refresh_token: first.refresh_token }, throwOnError: true });
tokens = answer.data;
differs(tokens.refresh_token, first.refresh_token);
is((await getMe({ throwOnError: true })).data.id, me.id);

is((await logout({ body: { refresh_token: tokens.refresh_token }, throwOnError: true })).response.status, 204);
is(refused(await getMe(), 401).code, "token_revoked");
refused(await refreshTokens({ body: { refresh_token: tokens.refresh_token } }), 401);
console.log("the client did what it wanted");
