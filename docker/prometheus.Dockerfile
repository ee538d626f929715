# Prometheus, for the profile `observe`: scrapes every tier. Context: the repository's root.
ARG DEBIAN_IMAGE=debian:trixie-slim

FROM ${DEBIAN_IMAGE}
RUN apt-get update \
 && apt-get install -y --no-install-recommends prometheus \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/log/* /usr/share/doc /usr/share/man \
 # Named volumes take over the owner of the directory they are mounted on.
 && install -d -o nobody -g nogroup /var/lib/three-tier
COPY docker/prometheus/prometheus.yml docker/prometheus/rules.yml /etc/prometheus/
RUN --mount=type=bind,source=docker/prometheus/rules.test.yml,target=/tmp/rules.test.yml \
    promtool check config /etc/prometheus/prometheus.yml && promtool test rules /tmp/rules.test.yml
# nobody
USER 65534:65534
EXPOSE 9090
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --start-interval=500ms --retries=2 \
  CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/9090 && printf 'GET /-/ready HTTP/1.0\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [ \"$status\" = 200 ]"]
CMD ["prometheus", "--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/var/lib/three-tier", "--storage.tsdb.retention.time=7d"]
