# The dependencies change less often than the code, so they are a layer of their own.
FROM python:3.13-slim-bookworm AS build
WORKDIR /build
RUN python -m venv /app
COPY requirements.lock ./
RUN /app/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY config config
COPY models models
COPY classifier classifier
COPY worker worker
COPY console console
RUN /app/bin/pip install --no-cache-dir --no-deps .

FROM python:3.13-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /data --create-home worker
COPY --from=build /app /app
ENV PATH=/app/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    INBOX_DATABASE_URL=sqlite:////data/inbox-worker.sqlite
USER 10001
WORKDIR /data
VOLUME /data
# Quick: settings, schema, classifier and the mailboxes' last success as the database has it; no connection to them.
HEALTHCHECK --interval=60s --timeout=20s --start-period=60s CMD ["inbox-worker", "doctor", "--max-age", "900"]
ENTRYPOINT ["inbox-worker"]
CMD ["run"]
