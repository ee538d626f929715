# The benchmark's Node peers; the command says which. Context: the repository's root.
ARG NODE_IMAGE=node:26-trixie-slim

FROM ${NODE_IMAGE}
WORKDIR /srv
COPY package.json package-lock.json .npmrc ./
COPY packages/bench/package.json packages/bench/
# The secret is optional: the machine's CA bundle, where a proxy intercepts TLS.
RUN --mount=type=secret,id=ca,target=/run/ca.pem \
    if [ -s /run/ca.pem ]; then export NODE_EXTRA_CA_CERTS=/run/ca.pem; fi; \
    npm ci --omit=dev --workspace=packages/bench --ignore-scripts --no-audit --no-fund
COPY packages/bench/peers packages/bench/peers
USER 10001:10001
STOPSIGNAL SIGKILL
HEALTHCHECK --interval=60s --start-period=30s --start-interval=1s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:9090/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
