/** What a hub builds for a compose, and what is given to it to build. */
export { withHubPackages } from "./hub-sources.ts";
export { readSourcePackage } from "./source-package.ts";
