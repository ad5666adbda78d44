# Everyday commands. Most of them run cargo or the program itself.

.DEFAULT_GOAL := help
# Words that technical prose does not need: name who acts.
VAGUE := whoever|somebody|nobody|anybody|mend|mended|heed
.PHONY: help run test lint format migrate openapi specs deny bench bench-scale flood

help: ## Show these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## Start the server, with a SQLite file unless another database is configured
	cargo run --locked -- serve

test: ## Run all tests on SQLite, PostgreSQL and MariaDB (only one: TEST_DATABASE=postgres make test)
	tests/run

lint: ## Check the format and the words, and run the linter
	cargo fmt --all --check
	! git grep -niE '(^|[^a-z])($(VAGUE))([^a-z]|$$)' -- '*.rs' '*.md' '*.toml' '*.html' '*.txt' '*.sql' ':!*/blocklist.txt'
	cargo clippy --workspace --all-targets --all-features --locked -- -D warnings

format: ## Format the code
	cargo fmt --all

migrate: ## Apply pending migrations to the configured database
	cargo run --locked -- migrate upgrade head

openapi: ## Print the OpenAPI document
	cargo run --locked -- openapi

specs: ## Update specs/: the OpenAPI document, and the schema of each of the three databases
	document=$$(cargo run --locked -- openapi --defaults) && printf '%s\n' "$$document" >specs/openapi.json
	for database in sqlite postgres mariadb; do \
		UPDATE_SPECS=1 TEST_DATABASE=$$database \
		cargo test --locked -p keepstone-persistence --test contract kept::what_is_kept || exit; \
	done

deny: ## Check the dependencies against deny.toml (requires: cargo install cargo-deny)
	cargo deny check bans licenses sources

bench: ## Measure signing and verifying tokens with every algorithm
	cargo test --release --locked -p keepstone-auth --test tokens -- --ignored --nocapture figures

bench-scale: ## Compare a million items with ten thousand, on the database in TEST_DATABASE
	cargo test --release --locked -p keepstone --test api -- --ignored --nocapture scale

flood: ## Measure a legitimate client during an attack by 4,000 clients
	cargo test --release --locked -p keepstone --test api -- --ignored --nocapture thousands_of_hostile
