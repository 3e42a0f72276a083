# What the project's Dockerfile and docker-compose.yml name, made without a registry: as much of each public image as
# they use, with the same users, folders and programs.

FROM debian:bookworm-slim AS node
RUN apt-get update && apt-get install -y --no-install-recommends libatomic1 && rm -rf /var/lib/apt/lists/*
COPY npm /usr/local
COPY node /usr/local/bin/node

# docker-library/redis, debian/Dockerfile: the user has this number, and owns /data.
FROM debian:bookworm-slim AS redis
RUN groupadd -r -g 999 redis && useradd -r -g redis -u 999 redis && \
    apt-get update && apt-get install -y --no-install-recommends redis-server && rm -rf /var/lib/apt/lists/* && \
    install -d -o redis -g redis /data
VOLUME /data
WORKDIR /data
CMD ["redis-server"]

FROM debian:bookworm-slim AS versitygw
COPY versitygw /usr/local/bin/versitygw
ENTRYPOINT ["/usr/local/bin/versitygw"]
