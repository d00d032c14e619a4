# syntax=docker/dockerfile:1
# Two stages: what builds stays behind. Every Python package is pinned by hash (deploy/image/*.lock).
# For a base pinned by digest: --build-arg PYTHON_IMAGE=python:3.13-slim-bookworm@sha256:...
ARG PYTHON_IMAGE=python:3.13-slim-bookworm

# hadolint ignore=DL3006
FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
COPY deploy/image/ deploy/image/
RUN python -m venv /opt/build \
    && /opt/build/bin/pip install --require-hashes --only-binary :all: -r deploy/image/build.lock \
    && python -m venv --without-pip /opt/keywatch \
    && /opt/build/bin/pip --python /opt/keywatch/bin/python install \
        --require-hashes --only-binary :all: -r deploy/image/runtime.lock
COPY pyproject.toml README.md LICENSE ./
COPY domain/ domain/
COPY monitor/ monitor/
COPY detectors/ detectors/
COPY alerting/ alerting/
COPY keystore/ keystore/
COPY console/ console/
COPY sample_streams/ sample_streams/
# The bill of materials lies in the image, beside what it lists.
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /opt/build/bin/pip --python /opt/keywatch/bin/python install --no-deps --no-index /wheels/*.whl \
    && /opt/build/bin/cyclonedx-py environment --output-reproducible --pyproject pyproject.toml \
        --output-file /opt/keywatch/sbom.cdx.json /opt/keywatch/bin/python \
    && /opt/keywatch/bin/python -m compileall -q /opt/keywatch/lib

# hadolint ignore=DL3006
FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="keywatch" \
    org.opencontainers.image.description="Notices that an API key is in the wrong hands and stops it before damage is done." \
    org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 10001 keywatch \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin keywatch
COPY --from=build /opt/keywatch /opt/keywatch
ENV PATH=/opt/keywatch/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    KEYWATCH_METRICS__HOST=0.0.0.0 \
    KEYWATCH_METRICS__PORT=9464
# keywatch.yaml is looked for here.
WORKDIR /etc/keywatch
USER 10001:10001
EXPOSE 9464
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 CMD ["keywatch", "health"]
ENTRYPOINT ["keywatch"]
CMD ["run"]
