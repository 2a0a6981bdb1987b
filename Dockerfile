# Two stages on the same base, since the interpreter of the environment must have the same path in both.
#
#   podman build --format docker -t fleetsync .      (the OCI format drops HEALTHCHECK)
#   podman run --read-only --tmpfs /tmp -v fleetsync:/var/lib/fleetsync -v ./config.toml:/etc/fleetsync/config.toml:ro fleetsync
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 python3-venv \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
# Libraries first: they change seldom, so the layer is cached.
COPY requirements.lock requirements-build.lock ./
RUN python3 -m venv /build \
 && /build/bin/pip install --no-cache-dir --require-hashes -r requirements-build.lock \
 && python3 -m venv /app \
 && /app/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE config.example.toml ./
COPY schedules schedules
COPY dashboards dashboards
COPY connectors connectors
COPY fleetsync fleetsync
# Byte code is written here, since the running container may be read-only. pip is no longer needed.
RUN /build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /app/bin/pip install --no-cache-dir --no-deps /wheels/*.whl \
 && /app/bin/pip uninstall --yes --quiet setuptools pip \
 && python3 -m compileall -q /app/lib

FROM ${BASE}
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates python3 tzdata \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --user-group --home-dir /var/lib/fleetsync --create-home --shell /usr/sbin/nologin fleetsync
COPY --from=build /app /app
ENV PATH=/app/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /var/lib/fleetsync
VOLUME /var/lib/fleetsync
USER 10001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["/app/bin/fleetsync", "healthcheck"]
ENTRYPOINT ["/app/bin/fleetsync"]
CMD ["run"]
