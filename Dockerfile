# Longshore as an image: `serve`, `work`, `export` and the client commands. See docs/container.md.
#
#   docker build -t longshore .
#
# Where npm's registry is a private one, or TLS is intercepted, its configuration comes as secrets, which no layer
# keeps: --network host --secret id=npmrc,src=$HOME/.npmrc --secret id=ca,src=/etc/ssl/certs/ca-certificates.crt

# Node's exact build is part of an archive's bytes (its zlib and zstd): what package-lock.json pins, and no other.
ARG NODE_VERSION=26.10.0

FROM node:${NODE_VERSION}-bookworm-slim AS node

# Only the packages' manifests, so that a change of source doesn't install the packages again.
FROM node AS manifests
COPY packages /packages
RUN find /packages -type f ! -name package.json -delete && find /packages -type d -empty -delete

FROM node AS built
WORKDIR /checkout
COPY LICENSE package.json package-lock.json ./
RUN node -e "const {version} = require('./package-lock.json').packages['node_modules/node']; \
    if (process.version !== 'v' + version) throw Error('NODE_VERSION must be ' + version + ', as package-lock.json has it')"
COPY --from=manifests /packages packages
# The native modules come as prebuilt packages of their own; no install script has anything to add.
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc \
    --mount=type=secret,id=ca \
    if [ -e /run/secrets/ca ]; then export NODE_EXTRA_CA_CERTS=/run/secrets/ca; fi; \
    npm ci --ignore-scripts --no-audit --no-fund --cache /tmp/npm && rm -rf /tmp/npm
COPY packages packages
COPY scripts scripts
RUN node scripts/build.ts

# Not the Node image: that one has npm. Redis is here for `longshore export`, which starts a private one.
FROM debian:bookworm-slim AS program
RUN apt-get update && \
    apt-get install -y --no-install-recommends libatomic1 redis-server && \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log /var/log/alternatives.log
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=built /checkout/dist /opt/longshore
COPY container/healthcheck.js /opt/longshore/container/
RUN ln -s /opt/longshore/bin/longshore /usr/local/bin/longshore
ENV NODE_ENV=production NODE_COMPILE_CACHE=/opt/longshore/compile-cache

# An export, and every other command as far as it's loaded, compiled once and for all: a pod starts in half the time.
# Node keeps a folder for each user: the image's own, and root, who may read all of a volume.
FROM program AS compiled
RUN install --directory --owner=10001 $NODE_COMPILE_CACHE
USER 10001:10001
RUN longshore export /opt/longshore/container --to /tmp/archives && \
    node --eval "for (const file of fs.globSync('/opt/longshore/{*-thread,modules/!(main-*)}.js')) import(file)" && \
    chmod --recursive a+rX $NODE_COMPILE_CACHE && \
    cd $NODE_COMPILE_CACHE && for folder in *-10001; do ln -s $folder ${folder%10001}0; done

FROM program
COPY --from=compiled --chown=0:0 /opt/longshore/compile-cache /opt/longshore/compile-cache
# A number, so that Kubernetes sees that it isn't root's (runAsNonRoot). Any other will do: nothing is its own.
USER 10001:10001
# The root file system may be read-only; what is written goes to /tmp, which should then be a volume or a tmpfs.
ENV HOME=/tmp LONGSHORE_LISTEN=0.0.0.0:8080
WORKDIR /tmp
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s \
    CMD ["node", "/opt/longshore/container/healthcheck.js"]
ENTRYPOINT ["longshore"]
CMD ["--help"]

ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Longshore" \
      org.opencontainers.image.description="Exports a volume to object storage as one standard archive, with many workers at once" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="docker.io/library/debian:bookworm-slim"
