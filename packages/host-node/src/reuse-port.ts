/** Can several sockets of this host have one port, each its part of what comes (SO_REUSEPORT)? */
export const HAS_REUSE_PORT: boolean = process.platform === "linux" || process.platform === "freebsd";
