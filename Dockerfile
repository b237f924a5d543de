# The one image of API, worker, migrations and the demo's stand-ins. Its data lives outside of it.
FROM python:3.11.14-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1
RUN python -m venv /srv/venv
COPY requirements.txt /srv/app/
RUN /srv/venv/bin/pip install --require-hashes -r /srv/app/requirements.txt
COPY pyproject.toml README.md LICENSE /srv/app/
COPY gtfs /srv/app/gtfs
COPY payments /srv/app/payments
COPY providers /srv/app/providers
COPY mobility /srv/app/mobility
RUN /srv/venv/bin/pip install --no-deps --no-build-isolation /srv/app

FROM python:3.11.14-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /data --create-home --shell /usr/sbin/nologin mobility
COPY --from=build /srv/venv /srv/venv
ENV PATH=/srv/venv/bin:$PATH PYTHONUNBUFFERED=1 MOBILITY_DATA=/data MOBILITY_HOST=0.0.0.0 PORT=8000
USER mobility
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/livez', timeout=4)"]
CMD ["mobility", "serve"]
