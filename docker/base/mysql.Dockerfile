# Stands in for mysql:8.4 where that cannot be pulled: the same server, from Debian unstable.
ARG DEBIAN_IMAGE
FROM ${DEBIAN_IMAGE}
ARG DEBIAN_MIRROR
# The suite's Release file has a short life and is signed all the same: its date is not checked.
RUN printf 'Types: deb\nURIs: %s\nSuites: unstable\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n' "$DEBIAN_MIRROR" \
      > /etc/apt/sources.list.d/unstable.sources \
 && printf 'Package: *\nPin: release a=unstable\nPin-Priority: 100\n' > /etc/apt/preferences.d/unstable \
 && apt-get -o Acquire::Check-Valid-Until=false update \
 && groupadd --system --gid 999 mysql && useradd --system --uid 999 --gid 999 --home-dir /var/lib/mysql mysql \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends -t unstable mysql-server-core mysql-client-core \
 && rm -rf /var/lib/apt/lists/* /var/lib/mysql /etc/mysql \
 && install -d -o mysql -g mysql /var/lib/mysql /run/mysqld \
 && mysqld --version && mysql --version
