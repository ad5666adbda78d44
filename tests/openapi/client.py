"""A Python client, generated from specs/openapi.json with openapi-python-client: logs in, creates, lists and refreshes.

Usage: client.py http://127.0.0.1:8000 admin@example.com, with the generated package `keepstone` in the working directory.
"""

import sys

sys.path.insert(0, ".")

from keepstone import AuthenticatedClient, Client
from keepstone.api.auth import login, refresh_tokens
from keepstone.api.items import create_item, get_item, list_items
from keepstone.api.users import get_me
from keepstone.models import LoginRequest, NewItem, RefreshRequest, TokenType

base_url, email = sys.argv[1:]
anonymous = Client(base_url=base_url)

refused = login.sync(client=anonymous, body=LoginRequest(email=email, password="another one"))
assert refused.code == "invalid_credentials", refused
tokens = login.sync(client=anonymous, body=LoginRequest(email=email, password="correct horse battery"))
assert tokens.token_type is TokenType.BEARER, tokens

client = AuthenticatedClient(base_url=base_url, token=tokens.access_token)
me = get_me.sync(client=client)
assert (me.email, me.deleted_at) == (email, None), me
made = create_item.sync(client=client, body=NewItem(title="Keystone"))
assert (made.title, made.description, made.owner_id) == ("Keystone", None, me.id), made
assert get_item.sync(made.id, client=client) == made
page = list_items.sync(client=client, page_size=5)
assert page.items == [made] and page.next_cursor is None, page
invalid = create_item.sync(client=client, body=NewItem(title=""))
assert invalid.code == "validation_failed" and invalid.errors[0].loc == ["body", "title"], invalid

fresh = refresh_tokens.sync(client=anonymous, body=RefreshRequest(refresh_token=tokens.refresh_token))
assert fresh.refresh_token != tokens.refresh_token
assert get_me.sync(client=AuthenticatedClient(base_url=base_url, token=fresh.access_token)).id == me.id
print("all requests succeeded")
