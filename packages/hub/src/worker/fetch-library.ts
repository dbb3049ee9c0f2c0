/**
 * Node's own fetch as a package: the one that is built in shows no certificate. Loaded when it is used, and no more
 * than this is in the bundle.
 */
export { Agent, fetch } from "undici";
