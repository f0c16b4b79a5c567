# Hocba. `make help` lists the commands.
#
# Python packages come from three locks, each with hashes: requirements.lock (what the product needs),
# requirements-dev.lock (that and what tests and checks need), requirements-node.lock (a Node.js for machines without
# one). Their sources are the dependencies and dependency groups of pyproject.toml; `make lock` writes them anew.

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?=
export PYTHON
# Each of the many processes of `make test` and `make run` would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

# The stamps carry the path of this folder: a project that was moved needs a new .venv.
HERE := $(shell pwd | cksum | cut -d' ' -f1)
INSTALLED := $(VENV)/.installed-$(HERE)
INSTALLED_DEV := $(VENV)/.installed-dev-$(HERE)
INSTALL := infra/embedded/install.sh

LOCK_OPTIONS := --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet
LOCK := UV_PYTHON_DOWNLOADS=never $(BIN)/uv pip compile $(LOCK_OPTIONS) $(UPGRADE)

.PHONY: help
help: ## liệt kê các lệnh
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-16s %s\n", $$1, $$2 }'

.PHONY: run
run: $(INSTALLED) assets ## cài đặt, chạy toàn bộ hệ thống với hai trường mẫu; dừng bằng Ctrl-C
	@$(BIN)/python -m infra.demo.run

.PHONY: stop
stop: ## dừng hệ thống đang chạy ở cửa sổ khác
	@[ ! -x $(BIN)/python ] || $(BIN)/python -m infra.embedded stop

.PHONY: test
test: $(INSTALLED_DEV) system-packages assets ## chạy mọi bài kiểm thử (chọn bài: make test TESTS=tests/records)
	@$(BIN)/python -m pytest $(or $(TESTS),--numprocesses 3 --no-loadscope-reorder)

.PHONY: check
check: format-check lint types imports templates drift audit ## định dạng, lỗi thường gặp, kiểu, hướng import, mẫu trang, migration, gói đã khóa

# AUDIT_OSV names an advisory database; without one this is said, and with AUDIT=required it is a failure.
.PHONY: audit
audit: $(INSTALLED_DEV) ## tìm lỗ hổng đã biết trong các gói đã khóa (AUDIT_OSV=địa-chỉ AUDIT=required)
	@$(BIN)/python -m infra.dependency_audit

.PHONY: bench
bench: $(INSTALLED_DEV) system-packages assets ## đo tốc độ, mỗi dòng một JSON (ONLY=render,sign QUICK=1)
	@$(BIN)/python -m infra.bench $(if $(ONLY),--only $(ONLY)) $(if $(QUICK),--quick)

# Pictures of the pages for the handbook, taken on the way by the browser tests; without them it has none.
.PHONY: handbook-pictures
handbook-pictures: $(INSTALLED_DEV) system-packages assets ## chụp các trang cho sách hướng dẫn (chạy hai hành trình trong trình duyệt)
	@$(BIN)/python -m pytest -q tests/journeys/test_chain.py tests/journeys/test_sheet_life.py

.PHONY: sabotage
sabotage: $(INSTALLED_DEV) assets ## phá từng hàng rào giữa các trường trên bản sao, đếm số bị bài kiểm thử phát hiện (ONLY=chữ)
	@$(BIN)/python -m infra.sabotage $(if $(ONLY),--only "$(ONLY)")

.PHONY: format
format: $(INSTALLED_DEV) ## sửa định dạng và những lỗi sửa được tự động
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format .

.PHONY: lock
lock: $(INSTALLED_DEV) ## ghi lại các tệp khóa gói (nâng phiên bản: make lock UPGRADE=--upgrade)
	@$(LOCK) pyproject.toml -o requirements.lock >/dev/null
	@$(LOCK) pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock >/dev/null
	@$(LOCK) --group node -o requirements-node.lock >/dev/null

.PHONY: clean
clean: stop ## xóa những gì dựng lại được (.venv, giao diện đã dựng, bộ nhớ đệm); dữ liệu trong .hocba còn nguyên
	@rm -rf $(VENV) node_modules frontend_templates/static/dist build *.egg-info test-results
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: reset
reset: stop ## dừng và xóa toàn bộ dữ liệu mẫu trong .hocba
	@rm -rf .hocba

.PHONY: assets
assets: $(INSTALLED)
	@{ command -v npm && node -e 'process.exit(Number.parseInt(process.versions.node) < 20 ? 1 : 0)'; } >/dev/null 2>&1 \
		|| [ -e $(INSTALLED)-node ] || sh $(INSTALL) requirements-node.lock $(INSTALLED)-node
	@$(BIN)/python -m infra.assets >&2

.PHONY: system-packages
system-packages: $(INSTALLED_DEV)
	@sh infra/embedded/system_packages.sh

.PHONY: format-check lint types imports templates drift
format-check: $(INSTALLED_DEV)
	@$(BIN)/ruff format --check --quiet --output-format concise . || { echo "Có tệp chưa đúng định dạng; hãy chạy make format." >&2; exit 1; }

lint: $(INSTALLED_DEV)
	@$(BIN)/ruff check --quiet .

types: $(INSTALLED_DEV)
	@$(BIN)/mypy

imports: $(INSTALLED_DEV)
	@$(BIN)/lint-imports

templates: $(INSTALLED_DEV)
	@$(BIN)/python -m pytest -q tests/frontend/test_templates.py tests/frontend/test_contrast.py

drift: $(INSTALLED_DEV)
	@$(BIN)/python -m infra.embedded --data .hocba/check run sh -c '$(BIN)/hocba migrate && $(BIN)/hocba migrations check'

$(INSTALLED): requirements.lock pyproject.toml $(INSTALL)
	@sh $(INSTALL) requirements.lock $@

$(INSTALLED_DEV): requirements-dev.lock $(INSTALLED)
	@sh $(INSTALL) requirements-dev.lock $@
