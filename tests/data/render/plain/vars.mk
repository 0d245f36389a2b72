LIMA_ARCH := aarch64
