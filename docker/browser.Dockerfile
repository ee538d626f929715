# A real browser for the tests of the page: Debian's Chromium without a window. Context: the repository's root.
ARG DEBIAN_IMAGE=debian:trixie-slim
FROM ${DEBIAN_IMAGE}
RUN apt-get update \
 && apt-get install -y --no-install-recommends chromium-headless-shell fonts-inter socat \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt
# Not 1000, which is the first login user of most hosts.
USER 10001:10001
ENV HOME=/tmp
EXPOSE 9222
# Chromium lets itself be driven from its own machine only: socat stands at the door.
# Its sandbox would need rights that containers do not have; the container is one, and it sees this project's pages only.
CMD ["sh", "-c", "socat TCP-LISTEN:9222,fork,reuseaddr TCP:127.0.0.1:9223 & exec chromium-headless-shell --no-sandbox --disable-gpu --disable-dev-shm-usage --remote-debugging-port=9223"]
