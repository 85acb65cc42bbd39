# The one image: every process of Tokenward, Node.js and iptables. `make image` stages `root/` and names the
# base: nothing (all of it comes from the building machine) or BASE=, an image that has Node.js and iptables.
ARG BASE=scratch
FROM ${BASE}
COPY root/ /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
WORKDIR /tokenward
# By number, so that Kubernetes can tell that it is not root. Only `redirect` is run as another user.
USER 65532:65532
CMD ["node", "/tokenward/cli.mjs", "--help"]
