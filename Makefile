# What people type. Each target installs what it is missing (Debian/Ubuntu); see README.md.
.DEFAULT_GOAL := help
.PHONY: help run test check interop bench shots coverage faults fuzz package

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: ## build, start a demo hub and open the control room on it
	@scripts/run.sh

test: ## every test: unit, property, simulation, interop, UI, end-to-end; ends with "N passed, N failed"
	@scripts/test.sh

check: ## format, clippy, cargo-deny, Biome, ESLint, types, dependency arrows
	@scripts/check.sh

bench: ## the benchmark table, into target/bench and docs/measurements.md
	@scripts/bench.sh

shots: ## pictures of every screen, dialog and state, in both languages and themes and four sizes, into target/shots
	@scripts/shots.sh

interop: ## the peers that share no code with Gwanje, for longer than in make test
	@scripts/interop.sh

coverage: ## which lines of the core its tests reach, and which none reaches; fails below 95 %
	@scripts/coverage.sh

faults: ## kill -9 in rounds, a storm, then 10,000 simulated seeds (GWANJE_SEEDS, GWANJE_ROUNDS for other numbers)
	@scripts/faults.sh

fuzz: ## fuzzing: ten minutes a target, GWANJE_FUZZ_SECONDS for another time; ends with executions and crashes
	@scripts/fuzz.sh

package: ## installers
	@scripts/not-yet.sh package "no installer is built yet; make run builds and runs from the checkout"
