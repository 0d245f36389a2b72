# shellcheck shell=sh
# Where the host leaves the socket of its ssh agent.
install -d -m 700 -o "$LIMA_CIDATA_USER" "$LIMA_RUN/host-services"
