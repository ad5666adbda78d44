# The few commands of every day. Each is one line of cargo or of the program itself.

.DEFAULT_GOAL := help
.PHONY: help run test lint format migrate openapi specs deny bench bench-scale flood

help: ## Shows these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## Starts the server, with a SQLite file if nothing else is configured
	cargo run --locked -- serve

test: ## Runs all tests on SQLite, PostgreSQL and MariaDB (one of them: TEST_DATABASE=postgres make test)
	tests/run

lint: ## Says what the linter and the formatter would change
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --all-features --locked -- -D warnings

format: ## Formats the code
	cargo fmt --all

migrate: ## Brings the configured database up to date
	cargo run --locked -- migrate upgrade head

openapi: ## Prints the OpenAPI document
	cargo run --locked -- openapi

specs: ## Writes what specs/ keeps again: the OpenAPI document, and the schema on each of the three databases
	document=$$(cargo run --locked -- openapi --defaults) && printf '%s\n' "$$document" >specs/openapi.json
	for database in sqlite postgres mariadb; do \
		UPDATE_SPECS=1 TEST_DATABASE=$$database \
		cargo test --locked -p keepstone-persistence --test contract kept::what_is_kept || exit; \
	done

deny: ## Says which dependencies may not be used (needs: cargo install cargo-deny)
	cargo deny check bans licenses sources

bench: ## Prints what signing and verifying a token costs, for every algorithm
	cargo test --release --locked -p keepstone-auth --test tokens -- --ignored --nocapture figures

bench-scale: ## Prints what a million items cost beside ten thousand, on the database that TEST_DATABASE names
	cargo test --release --locked -p keepstone --test api -- --ignored --nocapture scale

flood: ## Prints how an honest client fares among 4,000 hostile ones
	cargo test --release --locked -p keepstone --test api -- --ignored --nocapture thousands_of_hostile
