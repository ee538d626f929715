# The database's writer and reader (the command says which). Context: the repository's root.
ARG MYSQL_IMAGE=mysql:8.4

FROM ${MYSQL_IMAGE}
# Named volumes take over the owner of the directory they are mounted on.
RUN install -d -o 999 -g 999 /var/lib/mysql /run/mysqld \
      /run/credentials /run/credentials/app /run/credentials/migrator /run/credentials/replication
# Replaces the official image's own: the server reads no other file, and the clients find the socket here.
COPY docker/mysql/my.cnf /etc/my.cnf
COPY --chmod=0755 docker/mysql/start.sh docker/mysql/healthy.sh docker/mysql/promote.sh /usr/local/bin/
USER 999:999
EXPOSE 3306
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=5s --start-period=120s --start-interval=500ms --retries=3 CMD ["healthy.sh"]
ENTRYPOINT ["start.sh"]
CMD ["writer"]
