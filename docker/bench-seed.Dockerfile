# The benchmark's seed: Flask under uWSGI, as the article describes it. Context: the repository's root.
ARG DEBIAN_IMAGE=debian:trixie-slim

FROM ${DEBIAN_IMAGE}
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3-cryptography python3-flask python3-pymysql uwsgi-core uwsgi-plugin-python3 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt
COPY packages/bench/peers/seed.py /srv/seed.py
WORKDIR /srv
# PyMySQL asks for the name of its user.
USER www-data
STOPSIGNAL SIGKILL
# As the article has it: a master and one worker.
CMD ["uwsgi", "--plugin", "python3", "--socket", "0.0.0.0:9090", "--master", "--module", "seed:app"]
