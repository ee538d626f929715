# The benchmark's load: wrk, sysbench, curl. Context: the repository's root.
ARG DEBIAN_IMAGE=debian:trixie-slim

FROM ${DEBIAN_IMAGE}
RUN apt-get update \
 && apt-get install -y --no-install-recommends curl sysbench wrk \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt
COPY packages/bench/load /bench
USER 10001:10001
# Commands are run in it.
CMD ["sleep", "infinity"]
