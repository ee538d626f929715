# The web tier: Debian's Apache with the project's own configuration. Context: the repository's root.
ARG DEBIAN_IMAGE=debian:trixie-slim
ARG NODE_IMAGE=node:26-trixie-slim

FROM ${NODE_IMAGE} AS page
WORKDIR /srv
COPY package.json package-lock.json .npmrc ./
COPY apps/web/package.json apps/web/
# The secret is optional: the machine's CA bundle, where a proxy intercepts TLS.
RUN --mount=type=secret,id=ca,target=/run/ca.pem \
    if [ -s /run/ca.pem ]; then export NODE_EXTRA_CA_CERTS=/run/ca.pem; fi; \
    npm ci --omit=dev --workspace=apps/web --ignore-scripts --no-audit --no-fund
COPY apps/web/build.ts apps/web/
COPY apps/web/page apps/web/page
RUN node apps/web/build.ts /srv/ui

FROM ${DEBIAN_IMAGE}
# Only the server and its modules: the package "apache2" adds a configuration layout that is not used here.
RUN apt-get update \
 && apt-get install -y --no-install-recommends apache2-bin \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/log/* /usr/share/doc /usr/share/man

COPY apps/web/serve.sh /usr/local/bin/serve
COPY apps/web/httpd.conf /srv/web/
COPY apps/web/htdocs /srv/web/htdocs
COPY --from=page /srv/ui /srv/web/htdocs/ui
RUN APP_UPSTREAM=localhost:9090 apache2 -t -f /srv/web/httpd.conf
# www-data
USER 33:33
EXPOSE 8080
STOPSIGNAL SIGWINCH
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s --start-interval=1s --retries=2 \
  CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /healthz HTTP/1.0\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [ \"$status\" = 200 ]"]
CMD ["serve"]
