# The app tier, and db-init with another command. Context: the repository's root.
ARG DEBIAN_IMAGE=debian:trixie-slim
ARG NODE_IMAGE=node:26-trixie-slim

FROM ${NODE_IMAGE} AS dependencies
WORKDIR /srv
COPY package.json package-lock.json .npmrc ./
COPY apps/app/package.json apps/app/
COPY packages/db/package.json packages/db/
# The secret is optional: the machine's CA bundle, where a proxy intercepts TLS.
RUN --mount=type=secret,id=ca,target=/run/ca.pem \
    if [ -s /run/ca.pem ]; then export NODE_EXTRA_CA_CERTS=/run/ca.pem; fi; \
    npm ci --omit=dev --workspace=apps/app --ignore-scripts --no-audit --no-fund

# Node alone, without npm: nothing in the running image can install anything.
FROM ${DEBIAN_IMAGE}
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates libatomic1 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt
COPY --from=dependencies /usr/local/bin/node /usr/local/bin/node
WORKDIR /srv
# The workspace symlinks below node_modules stay symlinks: Node strips no types from real files there.
COPY --from=dependencies /srv/node_modules node_modules
COPY package.json ./
COPY packages/db packages/db
COPY apps/app apps/app
# Pages of long lists go back to the system when they are sent; otherwise the C library keeps what it once got.
ENV MALLOC_MMAP_THRESHOLD_=131072
# Not 1000, which is the first login user of most hosts.
USER 10001:10001
EXPOSE 9090
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --start-interval=1s --retries=2 \
  CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/${PORT:-9090} && printf 'GET /healthz HTTP/1.0\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [ \"$status\" = 200 ]"]
CMD ["node", "apps/app/src/main.ts"]
