# The HTTP service without torch: docs/install.md says how to build and run it.
ARG BASE=python:3.13-slim-trixie

FROM ${BASE} AS build
WORKDIR /src
RUN python -m venv /opt/memoria
COPY requirements-slim.txt constraints.txt ./
RUN /opt/memoria/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements-slim.txt
COPY pyproject.toml README.md LICENSE ./
COPY memoria memoria
COPY stores stores
COPY policies policies
# The constraints hold for what builds the wheel as well. Nothing is installed into the image later, so pip goes.
RUN PIP_CONSTRAINT=/src/constraints.txt /opt/memoria/bin/pip install --no-cache-dir --no-deps . \
    && /opt/memoria/bin/pip uninstall --yes pip

FROM ${BASE}
RUN groupadd --gid 10001 memoria \
    && useradd --uid 10001 --gid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin memoria \
    && install -d -o memoria -g memoria -m 0700 /data
COPY --from=build /opt/memoria /opt/memoria
# Of keys and tokens these are the places, not the values.
# hadolint ignore=DL3064
ENV PATH=/opt/memoria/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/data \
    MEMORIA_CACHE=/data/cache \
    MEMORIA_KEYS=/data/keys \
    MEMORIA_STORE=/data/agent.memoria \
    MEMORIA_TOKENS=/data/memoria.tokens
# All that it writes is in /data and /tmp, so the rest of the file system may be read-only.
VOLUME ["/data"]
WORKDIR /data
USER 10001:10001
EXPOSE 8017
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=6s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as web; web.urlopen('http://127.0.0.1:8017/health/ready', timeout=5)"]
ENTRYPOINT ["memoria"]
CMD ["serve", "--host", "0.0.0.0"]
