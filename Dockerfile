# The one image: every process of Tokenward, Node.js and iptables. `make image` stages `root/` and names the
# base: nothing (all of it comes from the building machine) or BASE=, an image that has Node.js and iptables.
ARG BASE=scratch
FROM ${BASE}
LABEL org.opencontainers.image.title="Tokenward" \
      org.opencontainers.image.description="Scoped, short-lived tokens for every Kubernetes workload" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY root/ /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
# A signal would open the debugger, to every process that shares loopback with a sidecar.
ENV NODE_OPTIONS=--disable-sigusr1
WORKDIR /tokenward
# By number, so that Kubernetes can tell that it is not root. Only `redirect` is run as another user.
USER 65532:65532
CMD ["node", "/tokenward/cli.mjs", "--help"]
