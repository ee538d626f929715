# The two sides of a boot: an instance (Docker engine, AWS CLI), and a stand-in for AWS (moto, a registry).
# Context: infra/test.
ARG DEBIAN_IMAGE
FROM ${DEBIAN_IMAGE} AS instance
RUN apt-get update \
 && apt-get install -y --no-install-recommends awscli ca-certificates curl docker-cli docker.io iptables jq systemd \
 && rm -rf /var/lib/apt/lists/*
# Stand-ins for Amazon Linux's package manager and for systemd.
COPY --chmod=0755 instance/ /usr/local/bin/
VOLUME /var/lib/docker
CMD ["sleep", "infinity"]

FROM ${DEBIAN_IMAGE} AS aws
RUN apt-get update \
 && apt-get install -y --no-install-recommends docker-registry openssl python3-flask-cors python3-moto \
      python3-openapi-spec-validator \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /srv
# Of the registry. Instances accept any.
RUN openssl req -x509 -newkey rsa:2048 -noenc -subj /CN=registry -days 3650 -out certificate.pem -keyout key.pem
COPY --chmod=0755 aws/ .
VOLUME /var/lib/docker-registry
