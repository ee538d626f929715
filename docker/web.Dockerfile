# The web tier: Debian's Apache with the project's own configuration. Context: the repository's root.
ARG DEBIAN_IMAGE=debian:trixie-slim
FROM ${DEBIAN_IMAGE}
# Only the server and its modules: the package "apache2" adds a configuration layout that is not used here.
RUN apt-get update \
 && apt-get install -y --no-install-recommends apache2-bin \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/log/* /usr/share/doc /usr/share/man

COPY apps/web/serve.sh /usr/local/bin/serve
COPY apps/web/httpd.conf /srv/web/
COPY apps/web/htdocs /srv/web/htdocs
RUN APP_UPSTREAM=localhost:9090 apache2 -t -f /srv/web/httpd.conf
# www-data
USER 33:33
EXPOSE 8080
STOPSIGNAL SIGWINCH
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s --start-interval=1s --retries=2 \
  CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /healthz HTTP/1.0\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [ \"$status\" = 200 ]"]
CMD ["serve"]
