# The stand-ins for AWS's load balancers; the command names the configuration. Context: the repository's root.
ARG DEBIAN_IMAGE=debian:trixie-slim

FROM ${DEBIAN_IMAGE}
RUN apt-get update \
 && apt-get install -y --no-install-recommends haproxy \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/log/* /usr/share/doc /usr/share/man
COPY docker/haproxy/alb.cfg docker/haproxy/nlb.cfg docker/haproxy/targets.lua /etc/haproxy/
COPY --chmod=0755 docker/haproxy/healthy.sh /usr/local/bin/
RUN haproxy -c -f /etc/haproxy/alb.cfg && haproxy -c -f /etc/haproxy/nlb.cfg
USER haproxy
# The soft stop: no new connections, those in hand finish.
STOPSIGNAL SIGUSR1
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --start-interval=500ms --retries=2 CMD ["healthy.sh"]
ENTRYPOINT ["haproxy", "-db", "-f"]
CMD ["/etc/haproxy/alb.cfg"]
