export {
  type AlpmPlace,
  type AlpmSession,
  type AlpmSettings,
  loadConfiguration,
  toldAlpmFailure,
  withAlpm,
} from "./alpm-session.ts";
export {
  archiveOf,
  aurUrl,
  buildFolder,
  buildFromAur,
  type BuildOptions,
  planFromAur,
  writePackages,
} from "./aur-builder.ts";
export { configurationOf, forgetChanges, guestRunner } from "./image-alpm.ts";
