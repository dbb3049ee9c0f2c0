export {
  type BuilderSession,
  type BuilderSessionOptions,
  carrierFor,
  openBuilderSession,
  telling,
} from "./builder-session.ts";
export { type BuilderSettings, type BuilderWishes, configPlaces, readSettings, settingsOf } from "./config-files.ts";
export { parseSourceReference } from "./source-reference.ts";
