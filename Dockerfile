# hmrec with PyTorch for CPUs. It serves recommendations from a Neo4j elsewhere; docker-compose.yml runs both.
#
#   docker build -t hmrec .
#   docker run --rm -e NEO4J_URI=bolt://... -e NEO4J_PASSWORD=... hmrec recommend 1
#   docker run --rm -p 127.0.0.1:8000:8000 -e NEO4J_URI=... -e NEO4J_PASSWORD=... -e HMREC_TOKEN=... hmrec
FROM python:3.13-slim AS build
WORKDIR /source
RUN python -m venv /opt/hmrec
# The packages come before the source, so that a change of the source downloads nothing again. image.lock pins all of
# them, and the hashes of all but PyTorch's build for CPUs: `.ci/lock` writes it. `pip check` compares it with hmrec.
COPY image.lock ./
RUN /opt/hmrec/bin/pip install --no-cache-dir --no-deps "$(sed -n 's/^# torch==/torch==/p' image.lock)" \
  --index-url https://download.pytorch.org/whl/cpu
RUN /opt/hmrec/bin/pip install --no-cache-dir --no-deps --require-hashes -r image.lock
COPY pyproject.toml README.md LICENSE ./
COPY cypher cypher
COPY loader loader
COPY graph_ml graph_ml
COPY cli cli
RUN /opt/hmrec/bin/pip install --no-cache-dir --no-deps --no-build-isolation . && /opt/hmrec/bin/pip check

FROM python:3.13-slim
# OpenMP, for LightGBM
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home --uid 1000 hmrec
COPY --from=build /opt/hmrec /opt/hmrec
ENV PATH=/opt/hmrec/bin:$PATH HMREC_HOME=/home/hmrec/data
USER hmrec
WORKDIR /home/hmrec
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=6 \
  CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/health', timeout=4)"]
ENTRYPOINT ["hmrec"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
