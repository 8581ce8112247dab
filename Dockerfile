# Two stages: uv builds a virtual environment from the lock file, the image gets that and the functions.
# The base is an argument, so that a machine without an image registry can build from a local one; pinned by digest,
# so that a rebuild is the same. A bot that updates Dockerfiles raises tag and digest together.
ARG BASE=python:3.13-slim-bookworm@sha256:67a1e1f215ccda113cfc024e8639049257e88f273898f595b61476d128d387e8

FROM ${BASE} AS build
ARG UV=0.13.9
# Compiled files name the hash of their source and not its time, so that two builds give the same files.
ENV PYC_INVALIDATION_MODE=UNCHECKED_HASH UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=/app/.venv UV_NO_CACHE=1
RUN python -m venv /uv && /uv/bin/pip install --quiet --no-cache-dir --disable-pip-version-check "uv==${UV}"
WORKDIR /app
COPY pyproject.toml uv.lock README.md ./
RUN /uv/bin/uv sync --quiet --locked --no-dev --no-install-project
COPY CHANGELOG.md otel-collector.yaml ./
COPY client client
COPY runtime runtime
COPY shared shared
RUN /uv/bin/uv sync --quiet --locked --no-dev --no-editable
# The environment holds the product's part of `shared` now; what is left is the service's own, or nothing.
RUN python -c "from pathlib import Path; there = next(Path('.venv/lib').glob('python*')) / 'site-packages'; [each.unlink() for each in Path('shared').rglob('*') if each.is_file() and (there / each).is_file()]; [each.rmdir() for each in sorted(Path('shared').rglob('*'), reverse=True) if each.is_dir() and not [*each.iterdir()]]"

FROM ${BASE}
WORKDIR /app
COPY --from=build /app/.venv .venv
COPY functions functions
COPY --from=build /app/shared shared
COPY contracts contracts
# `shared` is a namespace: the service's own part of it is here, the product's in the environment.
ENV PATH=/app/.venv/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONFAULTHANDLER=1 PYTHONDONTWRITEBYTECODE=1 \
  ANNEX_ENV=production PORT=8000
# By number, so that nothing has to be installed to make the name; it owns no file here.
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/health/live', timeout=2)"]
# The exec form: the service itself is process 1 and gets the platform's SIGTERM.
CMD ["annex", "serve"]
