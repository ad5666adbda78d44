// Three published OAuth 2 clients. Each logs in, refreshes at the token endpoint and at the refresh endpoint, and reads
// an error. Arguments: the URL of a server, a user name, a password.
import assert from "node:assert/strict";
import * as oauth from "oauth4webapi";
import * as openid from "openid-client";
import { ResourceOwnerPassword } from "simple-oauth2";

const [url, username, password] = process.argv.slice(2);
const auth = `${url}/api/v1/auth`;
const endpoints = [`${auth}/login`, `${auth}/refresh`];

async function whoami(token) {
  const answer = await fetch(`${url}/api/v1/users/me`, { headers: { Authorization: `Bearer ${token}` } });
  assert.equal(answer.status, 200);
  return (await answer.json()).username;
}

async function withOauth4webapi(endpoint, authentication) {
  const server = { issuer: url, token_endpoint: endpoint };
  const client = { client_id: "app" };
  const insecure = { [oauth.allowInsecureRequests]: true };
  const ask = async (grant, parameters) =>
    oauth.processGenericTokenEndpointResponse(
      server,
      client,
      await oauth.genericTokenEndpointRequest(server, client, authentication, grant, parameters, insecure),
    );
  const tokens = await ask("password", { username, password });
  assert.equal(await whoami(tokens.access_token), username);
  const answer = await oauth.refreshTokenGrantRequest(server, client, authentication, tokens.refresh_token, insecure);
  const next = await oauth.processRefreshTokenResponse(server, client, answer);
  assert.equal(await whoami(next.access_token), username);
  for (const [grant, parameters, error] of [
    ["password", { username, password: "wrong" }, "invalid_grant"],
    ["password", { username, password: "" }, "invalid_request"],
    ["refresh_token", { refresh_token: "none" }, "invalid_grant"],
    ["client_credentials", {}, "unsupported_grant_type"],
  ]) {
    await assert.rejects(ask(grant, parameters), (reason) => {
      assert.ok(reason instanceof oauth.ResponseBodyError, `${reason}`);
      assert.equal(reason.error, error);
      assert.ok(reason.error_description);
      return reason.status === 400;
    });
  }
}

async function withOpenidClient(endpoint) {
  const config = new openid.Configuration({ issuer: url, token_endpoint: endpoint }, "app", undefined, openid.None());
  openid.allowInsecureRequests(config);
  const tokens = await openid.genericGrantRequest(config, "password", { username, password });
  assert.equal(await whoami(tokens.access_token), username);
  const next = await openid.refreshTokenGrant(config, tokens.refresh_token);
  assert.equal(await whoami(next.access_token), username);
  const wrong = openid.genericGrantRequest(config, "password", { username, password: "wrong" });
  await assert.rejects(wrong, (reason) => reason.error === "invalid_grant" && reason.status === 400);
}

async function withSimpleOauth2(endpoint, secret) {
  const place = new URL(endpoint);
  const client = new ResourceOwnerPassword({
    client: { id: "app", secret },
    auth: { tokenHost: place.origin, tokenPath: place.pathname },
  });
  const token = await client.getToken({ username, password, scope: "" });
  assert.equal(await whoami(token.token.access_token), username);
  const next = await token.refresh();
  assert.equal(await whoami(next.token.access_token), username);
  const wrong = client.getToken({ username, password: "wrong" });
  await assert.rejects(wrong, (reason) => reason.data.payload.error === "invalid_grant");
}

for (const endpoint of endpoints) {
  await withOauth4webapi(endpoint, oauth.None());
  await withOauth4webapi(endpoint, oauth.ClientSecretBasic("secret"));
  await withOauth4webapi(endpoint, oauth.ClientSecretPost("secret"));
  await withOpenidClient(endpoint);
  await withSimpleOauth2(endpoint, "");
  await withSimpleOauth2(endpoint, "secret");
}
console.log("all clients work");
