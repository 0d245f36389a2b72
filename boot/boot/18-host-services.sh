# shellcheck shell=sh
# Where the host leaves the socket of its ssh agent.
mkdir -p "$LIMA_RUN/host-services"
chmod 700 "$LIMA_RUN/host-services"
chown "$LIMA_CIDATA_USER" "$LIMA_RUN/host-services"
