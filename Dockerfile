# Pinned by version. To pin what it is as well: --build-arg BASE=python:3.13-slim-bookworm@sha256:...
ARG BASE=python:3.13-slim-bookworm

# The libraries change less often than the code, so they are a layer of their own. No pip comes along, and no tests of
# the large ones. Byte code is written here, for nothing may be written later; it goes by contents and not by times, so
# that the same files give the same octets.
FROM ${BASE} AS libraries
WORKDIR /build
COPY requirements.lock ./
RUN python -m venv --without-pip /app \
    && pip --python /app/bin/python install --no-cache-dir --no-compile --require-hashes -r requirements.lock \
    && find /app/lib -type d -regex '.*/site-packages/\(numpy\|scipy\|sklearn\|matplotlib\|mpl_toolkits\)/.*/?tests' \
        -prune -exec rm -r {} + \
    && /app/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /app/lib

FROM libraries AS package
COPY requirements-build.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements-build.lock
COPY pyproject.toml README.md LICENSE ./
COPY config config
COPY models models
COPY classifier classifier
COPY worker worker
COPY console console
COPY docs/inbox-worker.1 docs/inbox-worker.1
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheel . \
    && pip --python /app/bin/python install --no-cache-dir --no-compile --no-deps --prefix /own /wheel/*.whl \
    && /app/bin/python -m compileall -q --invalidation-mode unchecked-hash -s /own -p /app /own

FROM ${BASE}
# The image of Python comes without the byte code of its own library, which each start would make anew.
RUN groupadd --gid 10001 worker \
    && useradd --uid 10001 --gid worker --home-dir /data --no-create-home --shell /usr/sbin/nologin worker \
    && install --directory --owner worker --group worker --mode 0700 /data \
    && python -m compileall -q -j 0 --invalidation-mode unchecked-hash -x '/(test|idlelib|lib2to3|turtledemo)/' \
        "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
COPY --from=libraries /app /app
COPY --from=package /own /app
# The database and the classifiers lie in the working folder, where nothing else is set. INBOX_DATABASE_URL is not set
# here: it would win over INBOX_DATABASE_URL_FILE.
ENV PATH=/app/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MPLCONFIGDIR=/tmp/matplotlib \
    INBOX_METRICS_HOST=0.0.0.0 \
    INBOX_METRICS_PORT=9125 \
    INBOX_CONSOLE_HOST=0.0.0.0
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8025 9125
# Asks the daemon whether it polls. A console is asked otherwise (docs/deploy.md).
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["inbox-worker", "healthcheck"]
ENTRYPOINT ["inbox-worker"]
CMD ["run"]
ARG VERSION=
ARG REVISION=
LABEL org.opencontainers.image.title="inbox-worker" \
      org.opencontainers.image.description="Understands what comes back to an outreach mailbox: bounces, absences, opt-outs, replies." \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
